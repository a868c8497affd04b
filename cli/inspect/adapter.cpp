#include "cli/inspect/adapter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace orrery::cli {

using nlohmann::ordered_json;

ordered_json adapter_json(const text::Adapter& adapter) {
  std::set<std::string> modules;
  std::set<int64_t> ranks;
  std::set<double> scales;
  int64_t biases = 0, input_scales = 0, magnitudes = 0;
  for (const text::LinearChange& change : adapter.linears) {
    modules.insert(change.module.substr(change.module.rfind('.') + 1));
    if (change.rank() > 0) {
      ranks.insert(change.rank());
      scales.insert(change.scale);
    }
    biases += change.bias.data != nullptr;
    input_scales += change.input_scale.data != nullptr;
    magnitudes += change.magnitude.data != nullptr;
  }
  ordered_json replaced = ordered_json::array(), layers = ordered_json::array();
  for (const TensorView& tensor : adapter.replaced) replaced.push_back(tensor.name);
  for (const text::AdaptionPrompt& prompt : adapter.prompts) layers.push_back(prompt.layer);
  return {{"kind", adapter.kind},
          {"parameters", adapter.parameters()},
          {"linears", adapter.linears.size()},
          {"modules", modules},
          {"ranks", ranks},
          {"scales", scales},
          {"biases", biases},
          {"input_scales", input_scales},
          {"magnitudes", magnitudes},
          {"replaced", replaced},
          {"prompts", {{"layers", layers}, {"length", adapter.prompts.empty() ? 0 : adapter.prompts.front().length}}}};
}

std::string adapter_text(const ordered_json& adapter) {
  std::vector<std::string> parts;
  if (const auto linears = adapter["linears"].get<int64_t>(); linears > 0) {
    parts.push_back(
        fmt::format("{} linears ({})", linears, fmt::join(adapter["modules"].get<std::vector<std::string>>(), ", ")));
    if (!adapter["ranks"].empty())
      parts.push_back(fmt::format("rank {}, scale {:.4g}",
                                  fmt::join(adapter["ranks"].get<std::vector<int64_t>>(), ", "),
                                  fmt::join(adapter["scales"].get<std::vector<double>>(), ", ")));
    for (const auto& [key, what] :
         {std::pair{"biases", "biases"}, {"input_scales", "input scales"}, {"magnitudes", "magnitudes"}})
      if (const auto count = adapter[key].get<int64_t>(); count > 0) parts.push_back(fmt::format("{} {}", count, what));
  }
  if (!adapter["replaced"].empty()) parts.push_back(fmt::format("{} tensors replaced", adapter["replaced"].size()));
  if (const ordered_json& prompts = adapter["prompts"]; !prompts["layers"].empty())
    parts.push_back(fmt::format("prompts of {} in layers {} to {}", prompts["length"].get<int64_t>(),
                                prompts["layers"].front().get<int64_t>(), prompts["layers"].back().get<int64_t>()));
  return fmt::format("{}, {:.2f} M parameters: {}", adapter["kind"].get<std::string>(),
                     adapter["parameters"].get<double>() / 1e6, fmt::join(parts, "; "));
}

}  // namespace orrery::cli
