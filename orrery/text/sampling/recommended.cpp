#include "orrery/text/sampling/recommended.h"

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/gguf.h"

namespace orrery::text {

namespace {

/// One option: its name in either kind of file (nullptr: has none), and the values that mean something.
struct Recommendation {
  const char *gguf, *hub;
  std::variant<float SamplingOptions::*, int32_t SamplingOptions::*> option;
  double least, most;
};

constexpr double kAny = 1e6;

constexpr Recommendation kRecommendations[] = {
    {"temp", "temperature", &SamplingOptions::temperature, 0, kAny},
    {"top_k", "top_k", &SamplingOptions::top_k, -1, kAny},
    {"top_p", "top_p", &SamplingOptions::top_p, 0, 1},
    {"min_p", "min_p", &SamplingOptions::min_p, 0, 1},
    {nullptr, "typical_p", &SamplingOptions::typical_p, 0, 1},
    {"penalty_repeat", "repetition_penalty", &SamplingOptions::repeat_penalty, 0.01, kAny},
    {"penalty_last_n", nullptr, &SamplingOptions::penalty_last_n, -1, kAny},
    {"mirostat_tau", nullptr, &SamplingOptions::mirostat_tau, 0, kAny},
    {"mirostat_eta", nullptr, &SamplingOptions::mirostat_eta, 0, kAny},
};

/// `value_of(recommendation)` is what the file says, or nothing.
void take(SamplingOptions& options, const std::function<std::optional<double>(const Recommendation&)>& value_of) {
  for (const Recommendation& recommendation : kRecommendations) {
    const std::optional<double> value = value_of(recommendation);
    if (!value || !(*value >= recommendation.least && *value <= recommendation.most)) continue;
    std::visit([&](auto option) { options.*option = static_cast<std::decay_t<decltype(options.*option)>>(*value); },
               recommendation.option);
  }
}

std::optional<double> number(const formats::GgufFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return std::nullopt;
  if (const auto* real = std::get_if<double>(&found->second.value)) return *real;
  if (const auto* integer = std::get_if<int64_t>(&found->second.value)) return static_cast<double>(*integer);
  if (const auto* integer = std::get_if<uint64_t>(&found->second.value)) return static_cast<double>(*integer);
  return std::nullopt;
}

}  // namespace

SamplingOptions recommended_by_gguf(const formats::GgufFile& file) {
  SamplingOptions options;
  const std::string prefix = "general.sampling.";
  take(options, [&](const Recommendation& r) { return r.gguf ? number(file, prefix + r.gguf) : std::nullopt; });
  if (number(file, prefix + "mirostat") == 2) options.mirostat = 2;
  return options;
}

SamplingOptions recommended_by_hub(const std::filesystem::path& folder) {
  SamplingOptions options;
  const std::filesystem::path path = folder / "generation_config.json";
  if (!std::filesystem::exists(path)) return options;
  const nlohmann::json json = nlohmann::json::parse(read_text(path), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    throw Error({.doing = "read a model's sampling options", .where = path.string(), .expected = "a JSON object"});
  take(options, [&](const Recommendation& r) -> std::optional<double> {
    if (!r.hub || !json.contains(r.hub) || !json[r.hub].is_number()) return std::nullopt;
    return json[r.hub].get<double>();
  });
  if (options.repeat_penalty != 1) options.penalty_last_n = -1;
  return options;
}

}  // namespace orrery::text
