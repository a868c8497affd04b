#include "orrery/text/families/family.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/llama.h"

namespace orrery::text {

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      llama_family(),
  };
  return all;
}

namespace {

std::string with_layer(std::string_view pattern, int64_t layer) {
  const size_t hole = pattern.find("{}");
  if (hole == std::string_view::npos) return std::string(pattern);
  return fmt::format("{}{}{}", pattern.substr(0, hole), layer, pattern.substr(hole + 2));
}

std::string known(std::vector<std::string_view> Family::*field) {
  std::vector<std::string_view> names;
  for (const Family& family : families()) names.insert(names.end(), (family.*field).begin(), (family.*field).end());
  return fmt::format("one of: {}", fmt::join(names, ", "));
}

const Family* find_family(std::vector<std::string_view> Family::*field, std::string_view name) {
  const auto found = std::ranges::find_if(
      families(), [&](const Family& family) { return std::ranges::count(family.*field, name) > 0; });
  return found == families().end() ? nullptr : &*found;
}

}  // namespace

const Family& family_of_gguf(const GgufConfig& config) {
  if (const Family* family = find_family(&Family::gguf_architectures, config.architecture())) return *family;
  throw Error({.doing = "open a language model",
               .where = config.where() + ", general.architecture",
               .found = config.architecture(),
               .expected = known(&Family::gguf_architectures)});
}

const Family& family_of_hub(const ConfigJson& config) {
  const std::vector<std::string> architectures = config.strings("architectures");
  for (const std::string& architecture : architectures)
    if (const Family* family = find_family(&Family::hub_architectures, architecture)) return *family;
  // A config may name only its model_type; but a head that is not a language model's ("LlamaForSequenceClassification")
  // must not be taken for one.
  const std::string model_type = config.string("model_type", "");
  if (architectures.empty())
    if (const Family* family = find_family(&Family::model_types, model_type)) return *family;
  if (!architectures.empty())
    throw config.error("architectures", fmt::format("{}", fmt::join(architectures, ", ")),
                       known(&Family::hub_architectures));
  throw config.error("model_type", model_type.empty() ? "none" : model_type, known(&Family::model_types));
}

const Family& family_named(std::string_view name) {
  const auto found = std::ranges::find(families(), name, &Family::name);
  assert(found != families().end());
  return *found;
}

std::vector<ExpectedTensor> expected_tensors(const Family& family, const DecoderSpec& spec) {
  std::vector<ExpectedTensor> result;
  const auto add = [&](const TensorRow& row, int64_t layer) {
    ExpectedTensor& tensor = result.emplace_back();
    tensor.canonical = with_layer(row.canonical, layer);
    tensor.gguf = with_layer(row.gguf, layer);
    tensor.meta = with_layer(row.meta, layer);
    for (const auto& extent : row.shape) tensor.shape.push_back(extent(spec));
  };
  for (const TensorRow& row : family.tensors) {
    if (row.present && !row.present(spec)) continue;
    const bool per_layer = row.canonical.find("{}") != std::string_view::npos;
    for (int64_t layer = 0; layer < (per_layer ? spec.layers : 1); ++layer) add(row, layer);
  }
  return result;
}

}  // namespace orrery::text
