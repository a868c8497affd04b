// Names: OpenGVLab/LLaMA-Adapter. V1 and V2 say "layers.0.attention.wq_bias", the multimodal V2
// "llama.layers.0.attention.wq.bias"; what torch.save wrote of {"model": …} has "model." before it.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "orrery/base/error.h"
#include "orrery/text/adapters/readers.h"
#include "orrery/text/families/config_json.h"

namespace orrery::text {

namespace {

constexpr int64_t kAuthorsLength = 10;  // ModelArgs.adapter_len in the released inference code

/// "layers.12.attention.wq_bias" -> 12, "attention.wq_bias"; false for other names.
bool split_layer(std::string_view name, int64_t& layer, std::string_view& rest) {
  constexpr std::string_view kLayers = "layers.";
  if (!name.starts_with(kLayers)) return false;
  name.remove_prefix(kLayers.size());
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), layer);
  if (failed != std::errc() || layer < 0 || end == name.data() + name.size() || *end != '.') return false;
  rest = name.substr(size_t(end - name.data()) + 1);
  return true;
}

/// The linear ("attention.wq") and its part ("bias") that a tensor is, in either spelling; false for other tensors.
bool split_linear(std::string_view rest, std::string& linear, std::string& part) {
  const size_t dot = rest.find('.');
  if (dot == rest.npos) return false;
  const std::string home(rest.substr(0, dot + 1));
  std::string_view name = rest.substr(dot + 1);
  const bool lora = name.starts_with("lora_") && name.ends_with(".weight");
  if (lora) name = name.substr(5, name.size() - 5 - 7);  // wq_l1
  const size_t cut = name.find_first_of("_.");
  if (cut == name.npos || cut + 1 == name.size()) return false;
  linear = home + std::string(name.substr(0, cut));
  part = name.substr(cut + 1);
  static constexpr std::string_view kPlain[] = {"bias", "scale"}, kLora[] = {"l1", "l2"};
  return std::ranges::count(lora ? kLora : kPlain, part) > 0;
}

class LlamaAdapterReader {
 public:
  LlamaAdapterReader(const ConfigJson& config, std::string where, const AdapterOptions& options)
      : config_(config), where_(std::move(where)), options_(options) {}

  Adapter read(std::span<const TensorView> tensors) {
    adapter_.names = Adapter::Names::kMeta;
    adapter_.rope_layout = RopeLayout::kInterleaved;
    const bool wrapped = std::ranges::all_of(tensors, [](const auto& t) { return t.name.starts_with("model."); });
    for (const TensorView& tensor : tensors) sort(tensor, std::string_view(tensor.name).substr(wrapped ? 6 : 0));
    add_linears();
    add_prompts();
    adapter_.kind = multimodal_ ? "LLaMA-Adapter V2 multimodal" : tuned_ ? "LLaMA-Adapter V2" : "LLaMA-Adapter";
    if (adapter_.prompts.empty() && !tuned_) throw refuse("no tensor of a LLaMA-Adapter", "adapter_query.weight");
    return std::move(adapter_);
  }

 private:
  struct Gates {
    const TensorView *gate = nullptr, *new_gate = nullptr;
  };

  Error refuse(std::string found, std::string expected) const {
    return Error(
        {.doing = "read a LLaMA-Adapter", .where = where_, .found = std::move(found), .expected = std::move(expected)});
  }

  void sort(const TensorView& tensor, std::string_view name) {
    if (name == "adapter_query.weight") {
      query_ = &tensor;
    } else if (name.starts_with("visual_") || name.starts_with("clip_proj")) {
      multimodal_ = true;
      if (name == "visual_query.weight") visual_length_ = tensor.rows();
    } else {
      if (name.starts_with("llama.")) name.remove_prefix(6);
      sort_of_layers(tensor, name);
    }
  }

  void sort_of_layers(const TensorView& tensor, std::string_view name) {
    int64_t layer = 0;
    std::string_view rest;
    std::string linear, part;
    const bool in_layer = split_layer(name, layer, rest);
    if (in_layer && rest == "attention.gate") {
      gates_[layer].gate = &tensor;
    } else if (in_layer && rest == "attention.new_gate") {
      gates_[layer].new_gate = &tensor;
    } else if (in_layer && split_linear(rest, linear, part)) {
      LinearChange& change = changes_[fmt::format("layers.{}.{}", layer, linear)];
      (part == "bias"    ? change.bias
       : part == "scale" ? change.input_scale
       : part == "l1"    ? change.a
                         : change.b) = tensor;
    } else if (name == "norm.weight" || (in_layer && (rest == "attention_norm.weight" || rest == "ffn_norm.weight"))) {
      adapter_.replaced.push_back(tensor);
      adapter_.replaced.back().name = name;
      tuned_ = true;
    } else {
      throw refuse("tensor " + tensor.name, "adapter_query, gates, biases, scales, low-rank pairs and norms");
    }
  }

  void add_linears() {
    for (auto& [module, change] : changes_) {
      change.module = module;
      if ((change.a.data == nullptr) != (change.b.data == nullptr))
        throw refuse(fmt::format("only one half of the pair of {}", module), "both l1 and l2");
      const bool fit = change.a.data == nullptr ||
                       (change.a.shape.size() == 2 && change.b.shape.size() == 2 && change.b.cols() == change.a.rows());
      if (!fit)
        throw refuse(
            fmt::format("{} has l1 {} and l2 {}", module, shape_string(change.a.shape), shape_string(change.b.shape)),
            "[rank, inputs] and [outputs, rank]");
      adapter_.linears.push_back(std::move(change));
      tuned_ = true;
    }
  }

  /// Rows of one layer. V1 has a gate for every layer and prompts for the last few only, so only a config can tell.
  int64_t prompt_length(int64_t rows) const {
    if (visual_length_ > 0) return visual_length_;
    if (config_.has("adapter_len")) return config_.size("adapter_len");
    const auto layers = int64_t(gates_.size());
    if (tuned_ && layers > 0 && rows % layers == 0) return rows / layers;  // V2 has gates where it has prompts
    return kAuthorsLength;
  }

  void add_prompts() {
    if (query_ == nullptr || query_->elements() == 0) return;
    const int64_t rows = query_->rows(), size = query_->cols(), length = prompt_length(rows), count = rows / length;
    if (query_->shape.size() != 2 || rows % length != 0 || count > int64_t(gates_.size()))
      throw refuse(
          fmt::format("adapter_query.weight {} and gates of {} layers", shape_string(query_->shape), gates_.size()),
          fmt::format("{} rows (adapter_len) for each of the last layers: give the right adapter_len in a "
                      "config.json beside the adapter",
                      length));
    const std::vector<float> prompts = floats_of(*query_);
    if (!options_.visual_query.empty() && int64_t(options_.visual_query.size()) != length * size)
      throw refuse(fmt::format("a visual query of {} values", options_.visual_query.size()),
                   fmt::format("[{}, {}]", length, size));
    auto gates = std::prev(gates_.end(), count);
    for (int64_t i = 0; i < count; ++i, ++gates) {
      AdaptionPrompt& prompt = adapter_.prompts.emplace_back();
      prompt.layer = gates->first;
      prompt.length = length;
      prompt.prompt.assign(prompts.begin() + i * length * size, prompts.begin() + (i + 1) * length * size);
      for (size_t j = 0; j < options_.visual_query.size(); ++j) prompt.prompt[j] += options_.visual_query[j];
      read_gates(gates->second, prompt);
    }
  }

  void read_gates(const Gates& gates, AdaptionPrompt& prompt) const {
    if (gates.gate == nullptr) throw refuse("a new_gate without a gate", "both");
    prompt.file_gates = prompt.gates = floats_of(*gates.gate);
    prompt.tanh = options_.gate == AdapterOptions::Gate::kTanh;
    if (prompt.tanh)
      for (float& gate : prompt.gates) gate = std::tanh(gate);
    // The authors' code leaves it out for a single key.
    if (gates.new_gate == nullptr || prompt.length == 1) return;
    if (gates.new_gate->elements() != 1)
      throw refuse(fmt::format("new_gate {}", shape_string(gates.new_gate->shape)), "one number");
    prompt.new_gate = floats_of(*gates.new_gate)[0];
    for (float& gate : prompt.gates) gate *= prompt.new_gate;
  }

  const ConfigJson& config_;
  const std::string where_;
  const AdapterOptions& options_;
  const TensorView* query_ = nullptr;
  int64_t visual_length_ = 0;
  bool multimodal_ = false, tuned_ = false;
  std::map<int64_t, Gates> gates_;
  std::map<std::string, LinearChange> changes_;
  Adapter adapter_;
};

}  // namespace

Adapter read_llama_adapter(std::span<const TensorView> tensors, const ConfigJson& config, const std::string& where,
                           const AdapterOptions& options) {
  return LlamaAdapterReader(config, where, options).read(tensors);
}

}  // namespace orrery::text
