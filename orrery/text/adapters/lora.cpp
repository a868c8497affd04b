#include "orrery/text/adapters/lora.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <deque>
#include <nlohmann/json.hpp>
#include <span>

#include "orrery/base/atomic_folder.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/base/random.h"
#include "orrery/formats/safetensors.h"
#include "orrery/kernels/quantize/quantize.h"
#include "orrery/text/adapters/made_tensors.h"
#include "orrery/text/adapters/peft_targets.h"
#include "orrery/text/adapters/readers.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/families/family.h"
#include "orrery/text/rotary_rows.h"

namespace orrery::text {

namespace {

/// {"NAME": NUMBER} of "NAME=NUMBER".
nlohmann::json pattern_of(const char* option, const std::vector<std::string>& entries) {
  nlohmann::json pattern = nlohmann::json::object();
  for (const std::string& entry : entries) {
    const size_t equals = entry.rfind('=');
    double number = 0;
    const char *first = entry.data() + equals + 1, *last = entry.data() + entry.size();
    if (equals == entry.npos || std::from_chars(first, last, number).ptr != last || first == last || !(number > 0))
      throw Error({.doing = "read an adapter's settings",
                   .where = option,
                   .found = entry,
                   .expected = "NAME=NUMBER, the number more than 0"});
    if (number == std::floor(number))
      pattern[entry.substr(0, equals)] = static_cast<int64_t>(number);
    else
      pattern[entry.substr(0, equals)] = number;
  }
  return pattern;
}

/// Whether PEFT would put a low-rank pair beside it when told "all-linear".
bool is_linear(const ExpectedTensor& tensor) {
  const std::string& name = tensor.canonical;
  return tensor.shape.size() == 2 && name.starts_with("model.layers.") && name.ends_with(".weight");
}

std::string module_of(const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); }

/// ‖W‖ of each row, rows as the hub has them. One row at a time in memory.
void row_lengths(const TensorView& weight, const DecoderSpec& base, bool rotated, std::span<float> lengths) {
  const int64_t cols = weight.cols(), row_bytes = bytes_of(weight.dtype, cols);
  std::vector<float> values(static_cast<size_t>(cols));
  for (int64_t row = 0; row < weight.rows(); ++row) {
    const int64_t from =
        rotated ? rotary_row(row, base.rope.layout, RopeLayout::kHalf, base.head_dim, base.rope.dim) : row;
    kernels::dequantize(weight.dtype, {weight.data + from * row_bytes, static_cast<size_t>(row_bytes)}, values);
    double squares = 0;
    for (const float value : values) squares += double{value} * value;
    lengths[static_cast<size_t>(row)] = static_cast<float>(std::sqrt(squares));
  }
}

}  // namespace

nlohmann::json peft_config(const LoraOptions& options, const std::string& base_model, const DecoderSpec& base) {
  if (options.lora_r < 1)
    throw Error({.doing = "read an adapter's settings",
                 .where = "lora_r",
                 .found = fmt::format("{}", options.lora_r),
                 .expected = "1 or more"});
  if (!(options.lora_dropout >= 0 && options.lora_dropout < 1))
    throw Error({.doing = "read an adapter's settings",
                 .where = "lora_dropout",
                 .found = fmt::format("{}", options.lora_dropout),
                 .expected = "0, or a number between 0 and 1"});
  nlohmann::json config{{"peft_type", "LORA"},
                        {"task_type", base.labels > 0 ? "SEQ_CLS" : "CAUSAL_LM"},
                        {"base_model_name_or_path", base_model},
                        {"r", options.lora_r},
                        {"lora_alpha", options.lora_alpha},
                        {"lora_dropout", options.lora_dropout},
                        {"bias", "none"},
                        {"fan_in_fan_out", false},
                        {"inference_mode", true},
                        {"init_lora_weights", true},
                        {"use_dora", options.use_dora},
                        {"use_rslora", options.use_rslora},
                        {"rank_pattern", pattern_of("lora_rank_pattern", options.lora_rank_pattern)},
                        {"alpha_pattern", pattern_of("lora_alpha_pattern", options.lora_alpha_pattern)}};
  config["target_modules"] = options.lora_target_modules;
  if (options.lora_target_modules.size() == 1)  // PEFT takes a text alone for "all-linear" or a regular expression
    if (const std::string& only = options.lora_target_modules[0];
        only == "all-linear" || only.find_first_of(".*\\^$|([+?") != only.npos)
      config["target_modules"] = only;
  if (base.labels > 0) config["modules_to_save"] = {"score"};
  return config;
}

Adapter new_lora(const nlohmann::json& config, const Checkpoint& checkpoint, uint64_t seed) {
  const DecoderSpec& base = checkpoint.spec();
  const ConfigJson getters(config, "lora_target_modules");
  const ModuleMatcher targets(config, getters, "target_modules");
  const ModulePatterns ranks(config, getters, "rank_pattern");
  const bool dora = getters.boolean("use_dora", false);
  auto tensors = std::make_shared<MadeTensors>();
  for (const ExpectedTensor& tensor : expected_tensors(family_named(base.family), base)) {
    if (!is_linear(tensor)) continue;
    const std::string module = module_of(tensor.hub);
    if (!targets.matches(module)) continue;
    const auto rank = static_cast<int64_t>(ranks.find(module).value_or(getters.number("r")));
    const int64_t outputs = tensor.shape[0], inputs = tensor.shape[1];
    const std::string name = "base_model.model." + module;
    RandomStream stream(seed, "lora_A of " + module);
    const double bound = 1 / std::sqrt(static_cast<double>(inputs));  // He et al. 2015 with PEFT's slope of √5
    for (float& value : tensors->add(name + ".lora_A.weight", {rank, inputs}))
      value = static_cast<float>((2 * stream.uniform() - 1) * bound);
    tensors->add(name + ".lora_B.weight", {outputs, rank});
    if (dora)
      row_lengths(*checkpoint.tensor(tensor.canonical), base, is_rotated(tensor.canonical),
                  tensors->add(name + ".lora_magnitude_vector", {outputs}));
  }
  if (tensors->views.empty())
    throw Error({.doing = "make an adapter",
                 .where = "lora_target_modules",
                 .found = config["target_modules"].dump(),
                 .expected = fmt::format("linear layers of a {} model, such as q_proj, or all-linear", base.family)});
  Adapter adapter = read_peft(config, "a new adapter", tensors->views);
  adapter.file = tensors;
  adapter = bind(std::move(adapter), base);
  return adapter;
}

void write_peft(const std::filesystem::path& folder, const nlohmann::json& config, const DecoderSpec& base,
                const std::map<std::string, TensorView>& values) {
  std::map<std::string, std::string> hub_modules;
  const Family& family = family_named(base.family);
  for (const ExpectedTensor& tensor : expected_tensors(family, base))
    hub_modules[module_of(tensor.canonical)] = module_of(tensor.hub);
  std::vector<TensorView> tensors;
  std::deque<std::vector<float>> turned;  // in the hub's order of rows
  for (const auto& [name, value] : values) {
    const auto suffix = [&] {
      for (std::string_view part : {".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector", ".weight", ".bias"})
        if (name.ends_with(part)) return part;
      throw Error({.doing = "write an adapter", .where = name, .expected = "a part that PEFT has a name for"});
    }();
    const std::string module = name.substr(0, name.size() - suffix.size());
    TensorView& tensor = tensors.emplace_back(value);
    tensor.name = fmt::format("base_model.model.{}{}", hub_modules.at(module), suffix);
    const bool outputs = suffix == ".lora_B.weight" || suffix == ".lora_magnitude_vector";
    if (!outputs || base.rope.layout == RopeLayout::kHalf || !is_rotated(module)) continue;
    std::vector<float>& rows = turned.emplace_back(static_cast<size_t>(value.elements()));
    const auto* from = reinterpret_cast<const float*>(value.data);
    const int64_t cols = value.elements() / value.shape[0];
    for (int64_t row = 0; row < value.shape[0]; ++row)
      std::copy_n(from + cols * rotary_row(row, base.rope.layout, RopeLayout::kHalf, base.head_dim, base.rope.dim),
                  cols, rows.begin() + row * cols);
    tensor.data = reinterpret_cast<const std::byte*>(rows.data());
  }
  AtomicFolder out(folder);
  AtomicFile config_file(out.path() / "adapter_config.json");
  config_file.write(config.dump(2) + "\n");
  config_file.commit();
  formats::write_safetensors(out.path() / "adapter_model.safetensors", tensors, {{"format", "pt"}});
  out.commit();
}

}  // namespace orrery::text
