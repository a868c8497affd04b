#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "orrery/base/error.h"
#include "orrery/text/adapters/adapter.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

namespace {

/// "model.layers.3.self_attn.q_proj" -> "model.layers.#.self_attn.q_proj": what the modules of all layers share.
std::string kind_of(const std::string& module) {
  std::string kind;
  for (char c : module) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit || !kind.ends_with('#')) kind += digit ? '#' : c;
  }
  return kind;
}

const std::string& name_in(const ExpectedTensor& tensor, Adapter::Names names) {
  switch (names) {
    case Adapter::Names::kHub:
      return tensor.hub;
    case Adapter::Names::kGguf:
      return tensor.gguf;
    case Adapter::Names::kMeta:
      return tensor.meta;
    case Adapter::Names::kCanonical:
      break;
  }
  return tensor.canonical;
}

class Binder {
 public:
  Binder(const Adapter& adapter, const DecoderSpec& base)
      : adapter_(adapter), base_(base), family_(family_named(base.family)) {
    check_architecture();
    for (ExpectedTensor& tensor : expected_tensors(family_, base)) {
      const std::string name = name_in(tensor, adapter.names);
      if (name.empty()) continue;
      if (tensor.canonical == "model.embed_tokens.weight" && base.tied_embeddings)
        tensors_["lm_head.weight"] = {.canonical = "lm_head.weight", .hub = "lm_head.weight", .shape = tensor.shape};
      tensors_[name] = std::move(tensor);
    }
    if (tensors_.empty())
      throw refuse(fmt::format("a {}", adapter.kind), fmt::format("one for a {} model", base.family));
  }

  void run(Adapter& adapter) {
    for (LinearChange& change : adapter.linears) bind(change);
    for (TensorView& tensor : adapter.replaced) {
      const ExpectedTensor& expected = find(tensor.name);
      if (tensor.shape != expected.shape) throw misshapen(tensor.name, tensor, expected.shape);
      tensor.name = expected.canonical;
    }
    for (const AdaptionPrompt& prompt : adapter.prompts) check(prompt);
    if (!adapter.prompts.empty() && adapter.prompts.back().layer != base_.layers - 1)
      throw refuse(fmt::format("prompts up to layer {}", adapter.prompts.back().layer),
                   fmt::format("up to the base model's last, {}", base_.layers - 1));
    check_targets(adapter);
    if (adapter.names == Adapter::Names::kGguf) adapter.rope_layout = family_.gguf_layout;
    if (adapter.names == Adapter::Names::kHub) adapter.norm_offset = family_.hub_norm_offset;
    adapter.names = Adapter::Names::kCanonical;
    adapter.targeted = nullptr;
  }

 private:
  Error refuse(std::string found, std::string expected) const {
    return Error({.doing = "put an adapter on a model",
                  .where = adapter_.path.string(),
                  .found = std::move(found),
                  .expected = std::move(expected)});
  }

  Error misshapen(const std::string& what, const TensorView& tensor, const std::vector<int64_t>& shape) const {
    return refuse(fmt::format("{} {}", what, shape_string(tensor.shape)),
                  fmt::format("{}, as this base model has it", shape_string(shape)));
  }

  void check_architecture() const {
    if (!adapter_.architecture.empty() && std::ranges::count(family_.gguf_architectures, adapter_.architecture) == 0)
      throw refuse(fmt::format("an adapter for the architecture {}", adapter_.architecture),
                   fmt::format("{}", fmt::join(family_.gguf_architectures, " or ")));
  }

  const ExpectedTensor& find(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end())
      throw refuse(fmt::format("a change of {}", name),
                   fmt::format("a tensor that this {} model of {} layers has", base_.family, base_.layers));
    return found->second;
  }

  void bind(LinearChange& change) {
    const ExpectedTensor& expected = find(change.module + ".weight");
    if (expected.shape.size() != 2 || expected.canonical == "model.embed_tokens.weight")
      throw refuse(fmt::format("a low-rank change of {}", change.module), "one of a linear layer");
    const int64_t outputs = expected.shape[0], inputs = expected.shape[1];
    const auto check_part = [&](const TensorView& part, const char* name, const std::vector<int64_t>& shape) {
      if (part.data != nullptr && part.shape != shape)
        throw misshapen(fmt::format("the {} of {}", name, change.module), part, shape);
    };
    const int64_t rank = change.rank();
    check_part(change.a, "A", {rank, inputs});
    check_part(change.b, "B", {outputs, rank});
    check_part(change.bias, "bias", {outputs});
    check_part(change.input_scale, "scale", {inputs});
    check_part(change.magnitude, "magnitude", {outputs});
    if (!std::isfinite(change.scale) || (change.a.data != nullptr && rank < 1))
      throw refuse(fmt::format("rank {} and scale {} of {}", rank, change.scale, change.module),
                   "a rank of 1 or more and a finite scale");
    const std::string& weight = expected.canonical;
    change.module = weight.substr(0, weight.rfind('.'));
  }

  void check(const AdaptionPrompt& prompt) const {
    if (prompt.length * base_.hidden_size != int64_t(prompt.prompt.size()))
      throw refuse(fmt::format("prompts of {} × {}", prompt.length, int64_t(prompt.prompt.size()) / prompt.length),
                   fmt::format("rows of the base model's hidden size, {}", base_.hidden_size));
    if (int64_t(prompt.gates.size()) != base_.heads)
      throw refuse(fmt::format("{} gates in a layer", prompt.gates.size()),
                   fmt::format("one for each of the base model's {} heads", base_.heads));
  }

  /// A module that the config names and whose like in other layers have pairs must have one too.
  void check_targets(const Adapter& adapter) const {
    if (!adapter.targeted) return;
    std::set<std::string> present, kinds;
    for (const LinearChange& change : adapter.linears) {
      present.insert(change.module);
      kinds.insert(kind_of(change.module));
    }
    for (const auto& [name, tensor] : tensors_) {
      const std::string module = tensor.canonical.substr(0, tensor.canonical.rfind('.'));
      if (!tensor.canonical.ends_with(".weight") || present.contains(module) || !kinds.contains(kind_of(module)))
        continue;
      if (adapter.targeted(name.substr(0, name.rfind('.'))))
        throw refuse(fmt::format("no pair for {}", module), "one for each module that target_modules names");
    }
  }

  const Adapter& adapter_;
  const DecoderSpec& base_;
  const Family& family_;
  std::map<std::string, ExpectedTensor> tensors_;  // by the adapter's names
};

}  // namespace

Adapter bind(Adapter adapter, const DecoderSpec& base) {
  const Adapter as_opened = adapter;
  Binder(as_opened, base).run(adapter);
  return adapter;
}

}  // namespace orrery::text
