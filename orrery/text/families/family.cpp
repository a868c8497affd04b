#include "orrery/text/families/family.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/fuyu.h"
#include "orrery/text/families/gemma3.h"
#include "orrery/text/families/gguf_config.h"
#include "orrery/text/families/hyena.h"
#include "orrery/text/families/llama.h"
#include "orrery/text/families/mistral.h"
#include "orrery/text/families/mixtral.h"
#include "orrery/text/families/phi.h"
#include "orrery/text/families/qwen2.h"
#include "orrery/text/families/rwkv4.h"
#include "orrery/text/families/rwkv5.h"
#include "orrery/text/families/rwkv7.h"

namespace orrery::text {

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      mixtral_family(), mistral_family(), llama_family(),  // llama.cpp calls all three "llama"; the last takes the rest
      qwen2_family(),   phi_family(),     gemma3_family(), fuyu_family(),
      hyena_family(),   rwkv4_family(),   rwkv5_family(),  rwkv7_family(),
  };
  return all;
}

namespace {

// The heads that a model of any family may have in place of, or beside, its lm_head: a score per label (transformers'
// …ForSequenceClassification), and TRL's value head.
constexpr auto hidden = [](const DecoderSpec& s) { return s.hidden_size; };
constexpr auto labels = [](const DecoderSpec& s) { return s.labels; };
constexpr auto one = [](const DecoderSpec&) -> int64_t { return 1; };
constexpr auto scores = [](const DecoderSpec& s) { return s.labels > 0; };
constexpr auto score_bias = [](const DecoderSpec& s) { return s.score_bias; };
constexpr auto value_head = [](const DecoderSpec& s) { return s.value_head; };
const TensorRow kHeads[] = {
    {"score.weight", "", "", {labels, hidden}, scores},
    {"score.bias", "", "", {labels}, score_bias},
    {"v_head.summary.weight", "", "", {one, hidden}, value_head},
    {"v_head.summary.bias", "", "", {one}, value_head},
};

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
  for (const Family& family : families())
    for (std::string_view name : family.*field)
      if (std::ranges::count(names, name) == 0) names.push_back(name);
  return fmt::format("one of: {}", fmt::join(names, ", "));
}

/// The name that a row has for one layer and expert.
std::string name_of(std::string_view pattern, int64_t layer, int64_t expert, bool stacked) {
  const std::string name = fill(pattern, layer, expert);
  return stacked && holes(pattern) == 1 ? slice_name(name, expert) : name;
}

const Family* find_family(std::vector<std::string_view> Family::*field, std::string_view name) {
  const auto found = std::ranges::find_if(
      families(), [&](const Family& family) { return std::ranges::count(family.*field, name) > 0; });
  return found == families().end() ? nullptr : &*found;
}

}  // namespace

const Family& family_of_gguf(const GgufConfig& config) {
  for (const Family& family : families())
    if (std::ranges::count(family.gguf_architectures, config.architecture()) > 0 &&
        (family.claims_gguf == nullptr || family.claims_gguf(config)))
      return family;
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

const Family* family_of_original(const OriginalTensors& tensors) {
  const auto found = std::ranges::find_if(families(), [&](const Family& family) {
    return family.spec_from_original != nullptr && tensors.has(family.original_mark);
  });
  return found == families().end() ? nullptr : &*found;
}

const TensorView* OriginalTensors::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &TensorView::name);
  return found == tensors_.end() ? nullptr : &*found;
}

bool OriginalTensors::has(std::string_view name) const { return find(name) != nullptr; }

const TensorView& OriginalTensors::at(std::string_view name, size_t axes) const {
  const TensorView* tensor = find(name);
  if (tensor != nullptr && tensor->shape.size() >= axes) return *tensor;
  throw Error({.doing = "open a language model",
               .where = fmt::format("{}, {}", where_, name),
               .found = tensor == nullptr ? "no such tensor" : shape_string(tensor->shape),
               .expected = fmt::format("a tensor of {} axes", axes)});
}

int64_t OriginalTensors::layers(std::string_view prefix) const {
  int64_t layers = 0;
  for (const TensorView& tensor : tensors_) {
    std::string_view name = tensor.name;
    if (!name.starts_with(prefix) || name.size() <= prefix.size() || name[prefix.size()] != '.') continue;
    name.remove_prefix(prefix.size() + 1);
    int64_t layer = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
    if (error == std::errc() && end != name.data() + name.size() && *end == '.' && layer >= 0 && layer < INT32_MAX)
      layers = std::max(layers, layer + 1);
  }
  return layers;
}

std::vector<ExpectedTensor> expected_tensors(const Family& family, const DecoderSpec& spec) {
  std::vector<ExpectedTensor> result;
  const auto add = [&](const TensorRow& row, int64_t layer, int64_t expert) {
    ExpectedTensor& tensor = result.emplace_back();
    const bool stacked = holes(row.canonical) == 2;
    tensor.canonical = fill(row.canonical, layer, expert);
    tensor.hub = row.hub.empty() ? tensor.canonical : name_of(row.hub, layer, expert, stacked);
    tensor.gguf = name_of(row.gguf, layer, expert, stacked);
    tensor.meta = fill(row.meta, layer, expert);
    for (const auto& extent : row.shape) tensor.shape.push_back(extent(spec));
  };
  std::vector<TensorRow> rows(family.tensors.begin(), family.tensors.end());
  rows.insert(rows.end(), std::begin(kHeads), std::end(kHeads));
  for (const TensorRow& row : rows) {
    if (row.present && !row.present(spec)) continue;
    const int count = holes(row.canonical);
    for (int64_t layer = row.first_layer; layer < (count > 0 ? spec.layers : 1); ++layer) {
      for (int64_t expert = 0; expert < (count > 1 ? spec.mixture.experts : 1); ++expert) add(row, layer, expert);
    }
  }
  return result;
}

std::string slice_name(std::string_view stack, int64_t expert) { return fmt::format("{}#{}", stack, expert); }

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
