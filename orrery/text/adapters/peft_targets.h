// Which modules a PEFT config speaks of.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/families/config_json.h"
#include "orrery/text/tokenizer/regex.h"

namespace orrery::text {

/// target_modules or exclude_modules: a list of names that a module's name is or ends with after a dot, a regular
/// expression that it matches as a whole, or "all-linear". Throws Error naming the key for anything else.
class ModuleMatcher {
 public:
  ModuleMatcher(const nlohmann::json& config, const ConfigJson& getters, std::string_view key);
  bool given() const { return all_ || pattern_ || !suffixes_.empty(); }
  bool matches(std::string_view module) const;

 private:
  bool all_ = false;
  std::optional<Regex> pattern_;
  std::vector<std::string> suffixes_;
};

/// rank_pattern or alpha_pattern: the value of the first key that the module's name ends with after a dot, keys being
/// regular expressions.
class ModulePatterns {
 public:
  ModulePatterns(const nlohmann::json& config, const ConfigJson& getters, std::string_view key);
  std::optional<double> find(std::string_view module) const;

 private:
  std::vector<std::pair<Regex, double>> patterns_;
};

/// layers_to_transform with layers_pattern: the layer is the number behind the last component (or behind the last that
/// the pattern names).
class LayerFilter {
 public:
  LayerFilter(const nlohmann::json& config, const ConfigJson& getters);
  bool passes(std::string_view module) const;

 private:
  std::vector<int64_t> layers_;
  std::vector<std::string> patterns_;
};

}  // namespace orrery::text
