#include "orrery/text/convert/to_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>

#include "orrery/base/atomic_folder.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/gguf.h"
#include "orrery/formats/safetensors.h"
#include "orrery/kernels/quantize/quantize.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/convert/hub_tokenizer.h"
#include "orrery/text/convert/retype.h"
#include "orrery/text/families/family.h"
#include "orrery/text/rotary_rows.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;

constexpr int64_t kHubShardBytes = 5'000'000'000;

[[noreturn]] void refuse_model(const std::string& where, std::string found, std::string expected) {
  throw Error({.doing = "convert a model to a hub folder",
               .where = where,
               .found = std::move(found),
               .expected = std::move(expected)});
}

DType type_named(const std::string& name) {
  static const std::map<std::string, DType, std::less<>> kTypes = {
      {"F32", DType::kF32}, {"F16", DType::kF16}, {"BF16", DType::kBF16}};
  const auto found = kTypes.find(name);
  if (found == kTypes.end()) refuse_model("type", name, "F32, F16 or BF16");
  return found->second;
}

const char* torch_name(DType type) {
  return type == DType::kF32 ? "float32" : type == DType::kF16 ? "float16" : "bfloat16";
}

void write_json(const fs::path& file, const nlohmann::json& json) {
  AtomicFile out(file);
  out.write(json.dump(2) + "\n");
  out.commit();
}

struct Plan {
  const TensorView* source;
  Retyper::RowOrder order;
};

TensorView shifted(const TensorView& source, double shift, std::deque<std::vector<float>>& kept) {
  std::vector<float>& values = kept.emplace_back(source.elements());
  kernels::dequantize(source.dtype, {source.data, size_t(source.bytes)}, values);
  for (float& value : values) value = float(value + shift);
  TensorView view = source;
  view.dtype = DType::kF32;
  view.data = reinterpret_cast<const std::byte*>(values.data());
  view.bytes = int64_t(values.size() * sizeof(float));
  return view;
}

std::string_view architecture_of(const Checkpoint& checkpoint, const Family& family) {
  if (checkpoint.spec().labels == 0) return family.hub_architectures.front();
  for (std::string_view name : family.hub_architectures)
    if (name.ends_with("ForSequenceClassification")) return name;
  refuse_model(checkpoint.path().string(), "a head of scores",
               fmt::format("none: the hub has none for {}", family.name));
}

nlohmann::json config_of(const Checkpoint& checkpoint, const Family& family, DType type) {
  nlohmann::json config;
  config["architectures"] = {architecture_of(checkpoint, family)};
  config["model_type"] = family.model_types.front();
  config["torch_dtype"] = torch_name(type);
  DecoderSpec spec = checkpoint.spec();
  if (spec.value_head) refuse_model(checkpoint.path().string(), "a head of values", "none");
  family.describe(spec, config);
  for (int64_t label = 0; label < spec.labels; ++label) {  // what the hub's configs say instead of a number
    const std::string id = fmt::format("{}", label), name = "LABEL_" + id;
    config["id2label"][id] = name;
    config["label2id"][name] = label;
  }
  if (!checkpoint.has_tokenizer()) return config;
  const Tokenizer& tokenizer = checkpoint.tokenizer();
  const std::pair<const char*, std::optional<TokenId>> ids[] = {
      {"bos_token_id", tokenizer.bos}, {"eos_token_id", tokenizer.eos}, {"pad_token_id", tokenizer.pad}};
  for (const auto& [name, id] : ids)
    if (id) config[name] = *id;
  return config;
}

}  // namespace

QuantizeSummary convert_to_hub(const std::string& model, const fs::path& folder, const HubOptions& options) {
  return convert_to_hub(*Checkpoint::open(model), folder, options);
}

QuantizeSummary convert_to_hub(const Checkpoint& checkpoint, const fs::path& folder, const HubOptions& options) {
  const DType type = type_named(options.type);
  const DecoderSpec& spec = checkpoint.spec();
  const Family& family = family_named(spec.family);
  if (family.describe == nullptr)
    refuse_model(checkpoint.path().string(), "the family " + spec.family, "one whose hub configs can be written");
  const nlohmann::json config = config_of(checkpoint, family, type);

  QuantizeSummary summary;
  std::vector<TensorView> targets;
  std::map<std::string, Plan, std::less<>> plans;
  std::deque<std::vector<float>> kept;
  std::deque<TensorView> made;
  for (const ExpectedTensor& expected : expected_tensors(family, spec)) {
    const TensorView* source = checkpoint.tensor(expected.canonical);
    const double shift = expected.canonical.ends_with("norm.weight") ? spec.norm_offset - family.hub_norm_offset : 0;
    if (shift != 0) source = &made.emplace_back(shifted(*source, shift, kept));
    Plan plan{source, {}};
    if (spec.rope.layout == RopeLayout::kInterleaved && is_rotated(expected.canonical))
      plan.order = [&spec](int64_t row) {
        return rotary_row(row, RopeLayout::kInterleaved, RopeLayout::kHalf, spec.head_dim, spec.rope.dim);
      };
    TensorView& target = targets.emplace_back();
    target = {.name = expected.hub, .dtype = type, .shape = source->shape};
    if (family.hub_shape)
      if (auto shape = family.hub_shape(expected.canonical, spec); !shape.empty()) target.shape = std::move(shape);
    target.bytes = bytes_of(type, target.elements());
    summary.tensors[type] += 1;
    summary.input_bytes += source->bytes;
    summary.output_bytes += target.bytes;
    plans[expected.hub] = std::move(plan);
  }

  if (fs::exists(folder)) refuse_model(folder.string(), "something that is there already", "a folder to be made");
  AtomicFolder out(folder);
  write_json(out.path() / "config.json", config);
  write_hub_tokenizer(checkpoint, out.path());
  Retyper retyper(options.threads);
  int64_t done = 0;
  formats::write_safetensors_sharded(out.path(), "model", targets, kHubShardBytes, {{"format", "pt"}},
                                     [&](const TensorView& target) {
                                       const Plan& plan = plans.at(target.name);
                                       if (options.progress) options.progress(done, summary.input_bytes);
                                       done += plan.source->bytes;
                                       const auto bytes = retyper.run({&plan.source, 1}, target.dtype, plan.order);
                                       if (bytes.data() != plan.source->data) checkpoint.release(*plan.source);
                                       return bytes;
                                     });
  if (options.progress) options.progress(done, summary.input_bytes);
  out.commit();
  return summary;
}

}  // namespace orrery::text
