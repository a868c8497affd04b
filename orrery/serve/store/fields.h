// Reads the JSON bodies of the studio's API field by field.
#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace orrery::serve {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& doing, std::string_view field, std::string found, std::string expected);

/// Throws StoreError kInvalid unless it is 1 to 64 characters of [A-Za-z0-9_-].
void check_id(const std::string& doing, std::string_view field, std::string_view id);

/// A random UUID (RFC 4122, version 4).
std::string new_id();

/// The time in milliseconds since 1970 UTC.
long long now_ms();

/// JSON text of at most that many bytes. Throws StoreError kInvalid when it is longer, nested too deeply, or not UTF-8.
std::string json_text(const std::string& doing, std::string_view field, const Json& value, size_t most_bytes);

/// Throws StoreError kInvalid for a longer text, or one that is not UTF-8.
void check_text(const std::string& doing, std::string_view field, const std::string& text, size_t most_chars);

/// An object whose every field must be known. Absent and null are the same. All throw StoreError kInvalid naming the
/// field.
class StudioFields {
 public:
  StudioFields(const Json& body, std::string doing, std::initializer_list<std::string_view> known);

  /// The field is there, even as null.
  bool has(std::string_view name) const;
  /// nullptr where it is absent or null.
  const Json* find(std::string_view name) const;
  const Json& required(std::string_view name) const;
  std::optional<std::string> id(std::string_view name) const;
  std::optional<std::string> one_of(std::string_view name, std::initializer_list<std::string_view> allowed) const;
  /// At most StoreLimits::kTitleChars characters, no NUL.
  std::optional<std::string> name(std::string_view name) const;
  /// An object as JSON text.
  std::optional<std::string> object(std::string_view name) const;

  const std::string& doing() const { return doing_; }

 private:
  std::optional<std::string> string(std::string_view name) const;

  const Json& body_;
  std::string doing_;
};

}  // namespace orrery::serve
