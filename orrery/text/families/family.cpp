#include "orrery/text/families/family.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/hyena.h"
#include "orrery/text/families/llama.h"

namespace orrery::text {

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      llama_family(),
      hyena_family(),
  };
  return all;
}

namespace {

// Fills the first hole with the layer, the second with the expert.
std::string fill(std::string_view pattern, int64_t layer, int64_t expert) {
  std::string result;
  for (const int64_t number : {layer, expert}) {
    const size_t hole = pattern.find("{}");
    if (hole == std::string_view::npos) break;
    result += fmt::format("{}{}", pattern.substr(0, hole), number);
    pattern.remove_prefix(hole + 2);
  }
  return result.append(pattern);
}

int holes(std::string_view pattern) {
  const size_t first = pattern.find("{}");
  if (first == std::string_view::npos) return 0;
  return pattern.find("{}", first + 2) == std::string_view::npos ? 1 : 2;
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
  const auto add = [&](const TensorRow& row, int64_t layer, int64_t expert) {
    ExpectedTensor& tensor = result.emplace_back();
    tensor.canonical = fill(row.canonical, layer, expert);
    tensor.hub = row.hub.empty() ? tensor.canonical : fill(row.hub, layer, expert);
    tensor.gguf = fill(row.gguf, layer, expert);
    tensor.meta = fill(row.meta, layer, expert);
    for (const auto& extent : row.shape) tensor.shape.push_back(extent(spec));
  };
  for (const TensorRow& row : family.tensors) {
    if (row.present && !row.present(spec)) continue;
    const int count = holes(row.canonical);
    for (int64_t layer = 0; layer < (count > 0 ? spec.layers : 1); ++layer) {
      for (int64_t expert = 0; expert < (count > 1 ? spec.mixture.experts : 1); ++expert) add(row, layer, expert);
    }
  }
  return result;
}

TensorView rows_of(const TensorView& tensor, std::string name, int64_t first, int64_t count) {
  TensorView part = tensor;
  part.name = std::move(name);
  part.shape[0] = count;
  const int64_t row_bytes = tensor.bytes / tensor.shape[0];
  part.data += first * row_bytes;
  part.bytes = count * row_bytes;
  return part;
}

TensorView slice_of(const TensorView& tensor, std::string name, int64_t slice) {
  TensorView part = rows_of(tensor, std::move(name), slice, 1);
  part.shape.erase(part.shape.begin());
  return part;
}

}  // namespace orrery::text
