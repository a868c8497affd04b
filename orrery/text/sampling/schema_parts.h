// A JSON schema taken apart: references followed, allOf merged, anyOf and oneOf multiplied out.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/text/sampling/json_text.h"

namespace orrery::text {

using Json = nlohmann::ordered_json;

/// A schema (or a keyword's value) and its JSON pointer.
struct Located {
  const Json* value;
  std::string pointer;
};
using AllOf = std::vector<Located>;  ///< schemas that hold together

/// The keywords of one alternative. What is absent does not constrain.
struct SchemaParts {
  std::string pointer;
  std::optional<std::vector<std::string>> types;
  std::vector<std::pair<std::string, AllOf>> properties;      ///< in declared order
  std::vector<std::pair<std::string, std::string>> required;  ///< name, pointer
  AllOf additional;
  AllOf items;
  std::optional<std::vector<Located>> prefix;
  std::optional<std::vector<const Json*>> values;  ///< enum, const
  std::map<std::string, Located> rest;             ///< limits, pattern, format

  bool has(std::string_view keyword) const { return rest.contains(std::string(keyword)); }
};

class SchemaReader {
 public:
  explicit SchemaReader(const Json& root) : root_(root) {}

  /// Every alternative of schemas that hold together; none when nothing satisfies them. Throws Error with the pointer
  /// of a keyword that is not supported or has a wrong value, and for a $ref that leads back to itself.
  std::vector<SchemaParts> alternatives(const AllOf& all);

  /// What a "$ref" names.
  Located resolve(const Located& ref) const;

  /// For schemas that are nothing but {"$ref"} or {"anyOf"} / {"oneOf"}, apart from annotations: the value of that
  /// keyword.
  static std::optional<Located> only(const Located& schema, std::string_view keyword);

 private:
  std::vector<SchemaParts> expand(const Located& schema);
  SchemaParts own_keywords(const Located& schema) const;
  std::vector<SchemaParts> both(const std::vector<SchemaParts>& a, const std::vector<SchemaParts>& b,
                                const std::string& pointer) const;
  static std::optional<SchemaParts> merged(const SchemaParts& a, const SchemaParts& b);

  const Json& root_;
  std::vector<std::string> open_refs_;
};

[[noreturn]] void schema_error(const std::string& pointer, std::string found, std::string expected = {});
std::string pointer_to(const std::string& pointer, std::string_view key);
/// A keyword's value as a count. Throws Error unless it is an integer of 0 to 100,000.
uint32_t schema_count(const Located& keyword);

}  // namespace orrery::text
