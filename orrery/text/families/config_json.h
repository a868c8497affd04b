// config.json of a hub folder, in both of its dialects: as 2023's checkpoints have it and as transformers 5 writes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/error.h"

namespace orrery::text {

/// A JSON text, or file, that holds an object. Throws Error naming where it is; nesting is bounded.
nlohmann::json parse_json_object(std::string_view text, const std::string& where);
nlohmann::json read_json_object(const std::filesystem::path& file);

/// Typed reading of a JSON object. A key with the value null counts as absent, as in transformers. Getters throw Error
/// naming file and key when the value has another type; those without a fallback also when it is absent.
class ConfigJson {
 public:
  static ConfigJson open(const std::filesystem::path& file);
  ConfigJson(const nlohmann::json& object, std::string where);

  bool has(std::string_view key) const;
  bool is_list(std::string_view key) const;
  int64_t integer(std::string_view key) const;
  int64_t integer(std::string_view key, int64_t fallback) const;
  /// A size: an integer from 1 to 2^31 - 1.
  int64_t size(std::string_view key) const;
  int64_t size(std::string_view key, int64_t fallback) const;
  double number(std::string_view key) const;
  double number(std::string_view key, double fallback) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::string string(std::string_view key, const std::string& fallback) const;
  std::vector<std::string> strings(std::string_view key) const;  ///< empty when absent
  std::vector<double> numbers(std::string_view key) const;       ///< empty when absent
  /// The object under this key; one without keys when absent.
  ConfigJson object(std::string_view key) const;
  std::vector<std::string> keys() const;

  /// The Error "cannot read a model's config: FILE, KEY: found …, expected …".
  Error error(std::string_view key, std::string found, std::string expected) const;
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json* find(std::string_view key) const;
  const nlohmann::json& get(std::string_view key, std::string_view kind) const;

  std::shared_ptr<const nlohmann::json> json_;
  std::string where_;
};

}  // namespace orrery::text
