// Initial values: OpenGVLab/LLaMA-Adapter, alpaca_finetuning_v1/llama/model.py (nn.Embedding, zero gates) and
// llama_adapter_v2_chat65b/llama/model.py (zero biases, scales of one).
#include "orrery/text/adapters/new_llama_adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "orrery/base/atomic_folder.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/base/random.h"
#include "orrery/formats/safetensors.h"
#include "orrery/text/adapters/made_tensors.h"
#include "orrery/text/adapters/readers.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"
#include "orrery/text/rotary_rows.h"

namespace orrery::text {

namespace {

constexpr const char* kQuery = "adapter_query.weight";

std::string gate_name(int64_t layer) { return fmt::format("layers.{}.attention.gate", layer); }
std::vector<int64_t> gate_shape(const DecoderSpec& base) { return {1, base.heads, 1, 1}; }
std::string without(std::string name, std::string_view suffix) { return name.substr(0, name.size() - suffix.size()); }

/// The model's layers as the authors call their tensors; those that have no name there are left out.
std::vector<ExpectedTensor> named_tensors(const DecoderSpec& base) {
  std::vector<ExpectedTensor> tensors = expected_tensors(family_named(base.family), base);
  std::erase_if(tensors, [](const ExpectedTensor& tensor) {
    return !tensor.meta.starts_with("layers.") && tensor.meta != "norm.weight";
  });
  const bool told = tensors.size() > 1 && base.mixer == MixerKind::kAttention && base.mixture.experts == 0;
  if (!told || base.qkv_interleaved || base.qk_norm)
    throw Error({.doing = "make a LLaMA-Adapter",
                 .where = "llama_adapter",
                 .found = fmt::format("a {} model", base.family),
                 .expected = "a llama model, whose layers the adapter's file has names for"});
  return tensors;
}

void draw_normal(std::vector<float>& values, RandomStream stream) {
  for (float& value : values) value = static_cast<float>(stream.normal());
}

void check(const LlamaAdapterOptions& options) {
  const auto at_least = [](const char* name, int64_t value, int64_t least) {
    if (value < least)
      throw Error({.doing = "make a LLaMA-Adapter",
                   .where = name,
                   .found = fmt::format("{}", value),
                   .expected = fmt::format("{} or more", least)});
  };
  at_least("adapter_len", options.adapter_len, options.llama_adapter == LlamaAdapterVersion::kV1 ? 1 : 0);
  at_least("adapter_layer", options.adapter_layer, 1);
}

}  // namespace

Adapter new_llama_adapter(const LlamaAdapterOptions& options, const Checkpoint& checkpoint, uint64_t seed) {
  check(options);
  const DecoderSpec& base = checkpoint.spec();
  const std::vector<ExpectedTensor> expected = named_tensors(base);
  auto tensors = std::make_shared<MadeTensors>();
  nlohmann::json config = nlohmann::json::object();
  if (options.adapter_len > 0) {
    config["adapter_len"] = options.adapter_len;
    const int64_t layers = std::min(options.adapter_layer, base.layers);
    draw_normal(tensors->add(kQuery, {layers * options.adapter_len, base.hidden_size}),
                RandomStream(seed, "adaption prompts"));
    for (int64_t layer = base.layers - layers; layer < base.layers; ++layer)
      tensors->add(gate_name(layer), gate_shape(base));
  }
  if (options.llama_adapter == LlamaAdapterVersion::kV2) {
    for (const ExpectedTensor& tensor : expected) {
      if (tensor.shape.size() == 1) {
        std::ranges::copy(floats_of(*checkpoint.tensor(tensor.canonical)),
                          tensors->add(tensor.meta, tensor.shape).begin());
      } else {
        const std::string module = without(tensor.meta, ".weight");
        tensors->add(module + "_bias", {tensor.shape[0]});
        tensors->add(module + "_scale", {tensor.shape[1]}, 1);
      }
    }
  }
  Adapter adapter = read_llama_adapter(tensors->views, ConfigJson(config, "a new adapter"), "a new adapter", {});
  adapter.file = tensors;
  return bind(std::move(adapter), base);
}

namespace {

/// Values by the names that the file has for them.
class Writer {
 public:
  Writer(const DecoderSpec& base, const std::map<std::string, TensorView>& values) : base_(base), values_(values) {
    for (const ExpectedTensor& tensor : named_tensors(base)) meta_[tensor.canonical] = tensor.meta;
  }

  MadeTensors tensors() {
    for (const auto& [name, value] : values_) {
      if (name.ends_with("adaption_prompt"))
        prompts_.push_back(value);
      else if (name.ends_with(".added_bias"))
        add_part(name, ".added_bias", "_bias", value);
      else if (name.ends_with(".input_scale"))
        add_part(name, ".input_scale", "_scale", value);
      else if (name.find(".adaption_") == name.npos)
        copy(file_name(name, name), value.shape, value);
    }
    add_prompts();
    return std::move(tensors_);
  }

  nlohmann::json config() const {
    nlohmann::json config = {{"model_type", tuned_ ? "llama-adapter-v2" : "llama-adapter-v1"},
                             {"dim", base_.hidden_size},
                             {"n_layers", base_.layers},
                             {"n_heads", base_.heads}};
    if (length_ > 0) config["adapter_len"] = length_, config["adapter_layer"] = prompts_.size();
    if (tuned_) config["add_bias"] = config["add_scale"] = config["train_norm"] = true;
    return config;
  }

 private:
  const std::string& file_name(const std::string& tensor, const std::string& value) const {
    const auto found = meta_.find(tensor);
    if (found == meta_.end())
      throw Error(
          {.doing = "write a LLaMA-Adapter", .where = value, .expected = "a part that its file has a name for"});
    return found->second;
  }

  void copy(const std::string& name, const std::vector<int64_t>& shape, const TensorView& value) {
    const auto* from = reinterpret_cast<const float*>(value.data);
    std::copy_n(from, value.elements(), tensors_.add(name, shape).begin());
    tuned_ = tuned_ || name.find("gate") == name.npos;
  }

  /// Rows of q and k are neighbours in the authors' order.
  void add_part(const std::string& name, std::string_view ours, const char* theirs, const TensorView& value) {
    const std::string module = without(name, ours);
    copy(without(file_name(module + ".weight", name), ".weight") + theirs, value.shape, value);
    if (ours == ".input_scale" || !is_rotated(module)) return;
    std::vector<float>& rows = tensors_.values.back();
    const std::vector<float> old = rows;
    for (size_t row = 0; row < rows.size(); ++row)
      rows[row] = old[static_cast<size_t>(rotary_row(static_cast<int64_t>(row), base_.rope.layout,
                                                     RopeLayout::kInterleaved, base_.head_dim, base_.rope.dim))];
  }

  /// One after another by layer. V1's files have a gate in every layer, also where there is no prompt.
  void add_prompts() {
    if (prompts_.empty()) return;
    length_ = prompts_.front().rows();
    const auto count = static_cast<int64_t>(prompts_.size());
    std::vector<float>& query = tensors_.add(kQuery, {count * length_, base_.hidden_size});
    float* to = query.data();
    for (int64_t layer = 0; layer < base_.layers; ++layer) {
      const std::string prefix = fmt::format("model.layers.{}.self_attn.adaption_", layer);
      const auto prompt = values_.find(prefix + "prompt"), gate = values_.find(prefix + "gate"),
                 new_gate = values_.find(prefix + "new_gate");
      if (prompt != values_.end())
        to = std::copy_n(reinterpret_cast<const float*>(prompt->second.data), prompt->second.elements(), to);
      if (gate != values_.end())
        copy(gate_name(layer), gate_shape(base_), gate->second);
      else if (!tuned_)
        tensors_.add(gate_name(layer), gate_shape(base_));
      if (new_gate != values_.end()) copy(fmt::format("layers.{}.attention.new_gate", layer), {1}, new_gate->second);
    }
  }

  const DecoderSpec& base_;
  const std::map<std::string, TensorView>& values_;
  std::map<std::string, std::string> meta_;
  std::vector<TensorView> prompts_;
  int64_t length_ = 0;
  bool tuned_ = false;  // V2
  MadeTensors tensors_;
};

}  // namespace

void write_llama_adapter(const std::filesystem::path& folder, const DecoderSpec& base,
                         const std::map<std::string, TensorView>& values) {
  Writer writer(base, values);
  const MadeTensors tensors = writer.tensors();
  AtomicFolder out(folder);
  AtomicFile config(out.path() / "config.json");
  config.write(writer.config().dump(2) + "\n");
  config.commit();
  formats::write_safetensors(out.path() / "adapter.safetensors", tensors.views, {{"format", "pt"}});
  out.commit();
}

}  // namespace orrery::text
