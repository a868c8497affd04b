#include "orrery/align/learner.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "orrery/base/error.h"
#include "orrery/base/random.h"
#include "orrery/nn/from_view.h"
#include "orrery/text/checkpoint_overlay.h"
#include "orrery/text/convert/convert.h"
#include "orrery/text/convert/to_hub.h"
#include "orrery/text/families/config_json.h"

namespace orrery::align {

namespace {
namespace fs = std::filesystem;

constexpr int64_t kComparedTokens = 64;
constexpr const char *kScore = "score.weight", *kValueWeight = "v_head.summary.weight",
                     *kValueBias = "v_head.summary.bias";

std::map<std::string, TensorView> views_of(const std::map<std::string, at::Tensor>& tensors) {
  std::map<std::string, TensorView> views;
  for (const auto& [name, tensor] : tensors) views[name] = nn::view_from_tensor(tensor, name);
  return views;
}

/// The base with a head of one score; what is no head of scores is left out.
std::shared_ptr<const text::Checkpoint> with_score(std::shared_ptr<const text::Checkpoint> base, uint64_t seed) {
  if (base->spec().labels == 1) return base;
  if (base->spec().labels > 1)
    throw Error({.doing = "train a reward model",
                 .where = base->path().string(),
                 .found = fmt::format("a head of {} labels", base->spec().labels),
                 .expected = "one score, or a language model"});
  text::DecoderSpec spec = base->spec();
  spec.labels = 1;
  spec.head_bias = spec.value_head = spec.tied_embeddings = false;
  // transformers' initialisation of new heads: a normal distribution of initializer_range.
  RandomStream stream(seed, "head of scores");
  auto values = std::make_shared<std::vector<float>>(static_cast<size_t>(spec.hidden_size));
  for (float& value : *values) value = static_cast<float>(0.02 * stream.normal());
  const TensorView view{.name = kScore,
                        .shape = {1, spec.hidden_size},
                        .data = reinterpret_cast<const std::byte*>(values->data()),
                        .bytes = spec.hidden_size * static_cast<int64_t>(sizeof(float))};
  const auto made = text::overlay(std::move(base), spec, {{kScore, view}});
  return {made.get(), [made, values](const text::Checkpoint*) {}};
}

/// The base with TRL's value head, which finds everything worth 0.
std::shared_ptr<const text::Checkpoint> with_values(std::shared_ptr<const text::Checkpoint> base) {
  if (base->spec().value_head) return base;
  text::DecoderSpec spec = base->spec();
  spec.value_head = true;
  auto zeros = std::make_shared<std::vector<float>>(static_cast<size_t>(spec.hidden_size));
  const auto view = [&](std::vector<int64_t> shape) {
    TensorView made{.shape = std::move(shape), .data = reinterpret_cast<const std::byte*>(zeros->data())};
    made.bytes = made.elements() * static_cast<int64_t>(sizeof(float));
    return made;
  };
  const auto made =
      text::overlay(std::move(base), spec, {{kValueWeight, view({1, spec.hidden_size})}, {kValueBias, view({1})}});
  return {made.get(), [made, zeros](const text::Checkpoint*) {}};
}

/// What every linear that LoRA or DoRA changes comes to, and everything else that learned, under canonical names.
std::map<std::string, at::Tensor> merged_weights(const nn::Parameters& parameters) {
  at::NoGradGuard without_gradients;
  constexpr std::string_view kA = ".lora_A.weight";
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : parameters.all()) {
    if (!tensor.requires_grad() || name.ends_with(".lora_B.weight") || name.ends_with(".lora_magnitude_vector"))
      continue;
    if (!name.ends_with(kA)) {
      weights[name] = tensor.detach();
      continue;
    }
    const std::string module = name.substr(0, name.size() - kA.size());
    weights[module + ".weight"] = parameters.linear(module).merged_weight();
  }
  return weights;
}

}  // namespace

Learner::Learner(std::shared_ptr<const text::Checkpoint> base, const Settings& settings)
    : settings_(settings), base_(std::move(base)) {
  if (settings.method == Method::kReward)
    base_ = with_score(base_, settings.batch.seed);
  else if (base_->spec().labels > 0)
    throw Error(
        {.doing = "train", .where = settings.model, .found = "a model of scores", .expected = "a language model"});
  written_spec_ = base_->spec();
  written_spec_.value_head = false;
  if (settings.method == Method::kPpo) base_ = with_values(base_);
  nn::ParameterOptions options{.half = settings.bf16, .blocks = settings.keep_blocks, .seed = settings.batch.seed};
  const bool new_llama = settings.llama.llama_adapter != text::LlamaAdapterVersion::kNone;
  if (settings.use_peft || new_llama || !settings.adapter.empty()) {
    const text::Adapter adapter = opened_adapter();
    if (settings.method == Method::kSft) options.lora_dropout = lora_dropout();
    model_ = std::make_shared<nn::Decoder>(*base_, &adapter, options);
  } else {
    model_ = std::make_shared<nn::Decoder>(*base_, nullptr, options);
    learn_last_layers();
  }
  model_->set_gradient_checkpointing(settings.gradient_checkpointing);
}

/// Of all weights, those of the last layers, the last norm and a head of its own learn.
void Learner::learn_last_layers() {
  const int64_t last = settings_.train_last_layers;
  if (last == 0) return;
  const int64_t first = base_->spec().layers - last;
  if (last < 0 || first < 0)
    throw Error({.doing = "train",
                 .where = "train_last_layers",
                 .found = fmt::format("{}", last),
                 .expected = fmt::format("0 for all, or up to {}", base_->spec().layers)});
  for (const auto& [name, tensor] : model_->parameters().all()) {
    int64_t layer = INT64_MAX;
    constexpr std::string_view kLayers = "model.layers.";
    if (name.starts_with(kLayers)) layer = std::atoll(name.c_str() + kLayers.size());
    if (layer < first || name == "model.embed_tokens.weight") tensor.set_requires_grad(false);
  }
}

/// A new one, or settings.adapter's, bound to the base. A new head learns as a whole.
text::Adapter Learner::opened_adapter() {
  text::Adapter adapter = settings_.adapter.empty() ? new_adapter() : given_adapter();
  if (llama_adapter_) check_llama_adapter(adapter);
  for (const char* name : {kScore, kValueWeight, kValueBias}) {
    const auto is_it = [&](const TensorView& view) { return view.name == name; };
    if (base_->tensor(name) == nullptr || std::ranges::any_of(adapter.replaced, is_it)) continue;
    adapter.replaced.push_back(*base_->tensor(name));
    adapter.replaced.back().name = name;
  }
  return adapter;
}

text::Adapter Learner::new_adapter() {
  llama_adapter_ = settings_.llama.llama_adapter != text::LlamaAdapterVersion::kNone;
  if (llama_adapter_ && settings_.use_peft)
    throw Error(
        {.doing = "train", .where = "llama_adapter", .found = "use_peft too", .expected = "one of them, or neither"});
  if (llama_adapter_) return text::new_llama_adapter(settings_.llama, *base_, settings_.batch.seed);
  adapter_config_ = text::peft_config(settings_.lora, base_->path().string(), base_->spec());
  return text::new_lora(*adapter_config_, *base_, settings_.batch.seed);
}

text::Adapter Learner::given_adapter() {
  const fs::path folder = settings_.adapter;
  if (settings_.llama.llama_adapter != text::LlamaAdapterVersion::kNone)
    throw Error({.doing = "train",
                 .where = "llama_adapter",
                 .found = "adapter = " + folder.string() + " too",
                 .expected = "a new one, or one that learns on"});
  if (!fs::is_directory(folder))
    throw Error({.doing = "train an adapter on",
                 .where = folder.string(),
                 .found = fs::exists(folder) ? "a file" : "nothing",
                 .expected = "a PEFT folder (adapter_config.json, adapter_model.safetensors), or a LLaMA-Adapter's"});
  text::Adapter adapter = text::bind(text::open_adapter(folder), base_->spec());
  llama_adapter_ = !fs::exists(folder / "adapter_config.json");
  if (!llama_adapter_) adapter_config_ = text::read_json_object(folder / "adapter_config.json");
  return adapter;
}

/// Its prompts stand beside the model: no weights of a base could say what it does.
void Learner::check_llama_adapter(const text::Adapter& adapter) const {
  const auto refuse = [](const char* where, std::string found, std::string expected) {
    throw Error(
        {.doing = "train a LLaMA-Adapter", .where = where, .found = std::move(found), .expected = std::move(expected)});
  };
  if (adapter.kind != "LLaMA-Adapter" && adapter.kind != "LLaMA-Adapter V2")
    refuse("adapter", adapter.kind, "V1, or V2 without pictures");
  const Method method = settings_.method;
  if (method == Method::kReward || method == Method::kPpo || method == Method::kRloo || method == Method::kGrpo)
    refuse("method", std::string(name_of(kMethodNames, method)), "sft, dpo, kto, orpo or simpo");
  if (!settings_.exports.empty())
    refuse("export", settings_.exports.front(), "none: an adapter of prompts cannot be merged into a model");
}

/// Of what learns on: as its config says.
double Learner::lora_dropout() const {
  if (!adapter_config_) return 0;
  const text::ConfigJson config(*adapter_config_, "adapter_config.json");
  const double p = config.number("lora_dropout", 0);
  if (!(p >= 0 && p < 1)) throw config.error("lora_dropout", fmt::format("{}", p), "0, or a number between 0 and 1");
  return p;
}

Policy Learner::policy() const {
  const bool new_adapter = adapter_config_ && settings_.adapter.empty();
  Policy policy{.model = model_, .base = base_, .snapshot = [this] { return merged(); }, .reference = model_};
  if (!new_adapter) {  // the policy as the run starts
    const auto start = merged();
    policy.reference = std::make_shared<nn::Decoder>(*start);
    for (const auto& [name, tensor] : policy.reference->parameters().all()) tensor.set_requires_grad(false);
  }
  return policy;
}

int64_t Learner::learned_parameters() const {
  int64_t sum = 0;
  for (const auto& [name, tensor] : model_->parameters().all())
    if (tensor.requires_grad()) sum += tensor.numel();
  return sum;
}

std::string Learner::export_type() const {
  if (settings_.export_type != "auto") return settings_.export_type;
  const TensorView* matrix = base_->tensor("model.embed_tokens.weight");
  return matrix->dtype == DType::kF32 ? "F32" : matrix->dtype == DType::kBF16 ? "BF16" : "F16";
}

std::shared_ptr<const text::Checkpoint> Learner::merged() const {
  auto weights = std::make_shared<std::map<std::string, at::Tensor>>(merged_weights(model_->parameters()));
  const auto overlaid = text::overlay(base_, written_spec_, views_of(*weights));
  return {overlaid.get(), [overlaid, weights](const text::Checkpoint*) {}};  // the weights live as long
}

at::Tensor Learner::outputs(nn::Decoder& model) const {
  at::NoGradGuard without_gradients;
  std::vector<text::TokenId> tokens(kComparedTokens);
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<text::TokenId>(i * 7919 % static_cast<size_t>(model.spec().vocab_size));
  const nn::PackedRows rows(std::vector<std::vector<text::TokenId>>{tokens});
  return model.logits(model.hidden(rows));
}

Written Learner::compared(const fs::path& path, nn::Decoder& reloaded) const {
  return {path, (outputs(*model_) - outputs(reloaded)).abs().max().item<double>()};
}

std::vector<Written> Learner::write(const fs::path& run) const {
  std::vector<Written> written;
  const auto reload = [&](const fs::path& path) {  // with the products that the trained model has
    return nn::Decoder(*text::Checkpoint::open(path.string()), nullptr, {.half = settings_.bf16});
  };
  const bool needs_whole = !has_adapter() || !settings_.exports.empty();
  const auto whole = needs_whole ? merged() : nullptr;
  if (has_adapter()) {
    const fs::path folder = run / "adapter";
    std::map<std::string, at::Tensor> learned;
    for (const auto& [name, tensor] : model_->parameters().all())
      if (tensor.requires_grad() && !name.starts_with("v_head.")) learned[name] = tensor.detach();
    fs::remove_all(folder);
    if (llama_adapter_)
      text::write_llama_adapter(folder, base_->spec(), views_of(learned));
    else
      text::write_peft(folder, *adapter_config_, base_->spec(), views_of(learned));
    const text::Adapter adapter = text::bind(text::open_adapter(folder), base_->spec());
    nn::Decoder reloaded(*base_, &adapter, {.half = settings_.bf16, .blocks = settings_.keep_blocks});
    written.push_back(compared(folder, reloaded));
  } else {
    fs::remove_all(run / "model");
    text::convert_to_hub(*whole, run / "model", {.type = export_type(), .threads = settings_.threads, .progress = {}});
    nn::Decoder reloaded = reload(run / "model");
    written.push_back(compared(run / "model", reloaded));
  }
  for (const std::string& path : settings_.exports) {
    const bool gguf = path.ends_with(".gguf");
    const fs::path folder = gguf ? run / "export.partial" : fs::path(path);
    fs::remove_all(run / "export.partial");
    text::convert_to_hub(*whole, folder,
                         {.type = gguf ? "F32" : export_type(), .threads = settings_.threads, .progress = {}});
    if (gguf) {
      const std::string name = fs::path(path).stem().string();
      text::convert_to_gguf(folder.string(), path,
                            {.type = export_type(), .name = name, .threads = settings_.threads, .progress = {}});
      fs::remove_all(folder);
    }
    nn::Decoder reloaded = reload(path);
    written.push_back(compared(path, reloaded));
  }
  return written;
}

}  // namespace orrery::align
