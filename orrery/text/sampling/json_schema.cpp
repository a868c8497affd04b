// JSON Schema (draft 2020-12, and what draft 7 writes differently) as GBNF.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "orrery/base/error.h"
#include "orrery/text/sampling/grammar.h"
#include "orrery/text/sampling/schema_parts.h"
#include "orrery/text/sampling/schema_scalars.h"

namespace orrery::text {

namespace {

constexpr int kMaxSchemas = 100, kMaxDepth = 1000;  // of schemas, and of the JSON that they are written in

// One character inside a string: no control characters, escapes as JSON has them, surrogates only in pairs. `space` is
// llama.cpp's.
constexpr std::pair<std::string_view, std::string_view> kSharedRules[] = {
    {"space", R"(| " " | "\n" [ \t]{0,20})"},
    {"char", R"([^"\\\x00-\x1F] | escape)"},
    {"escape",
     R"("\\" (["\\/bfnrt] | "u" ([0-9a-cefA-CEF] hex hex hex | [dD] ([0-7] hex hex | [89abAB] hex hex low-half))))"},
    {"low-half", R"("\\u" [dD] [c-fC-F] hex hex)"},
    {"hex", "[0-9a-fA-F]"},
    {"string", R"("\"" char* "\"")"},
    {"number", R"("-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,20})? ([eE] [-+]? [0-9]{1,2})?)"},
    {"integer", R"("0" | "-"? [1-9] [0-9]{0,15})"},
    {"boolean", R"("true" | "false")"},
    {"null", R"("null")"},
    {"value", "object | array | string | number | boolean | null"},
    {"object",
     R"("{" space (string space ":" space value space ("," space string space ":" space value space)*)? "}")"},
    {"array", R"("[" space (value space ("," space value space)*)? "]")"},
};

class Converter {
 public:
  explicit Converter(const Json& root) : root_(root), reader_(root) {
    names_.insert("root");
    for (const auto& [name, body] : kSharedRules) names_.emplace(name);
  }

  std::string run() {
    refuse_deep_values();
    const auto rule = visit({{&root_, "#"}}, "root");
    if (!rule) schema_error("#", "a schema that no value satisfies");
    if (*rule != "root") rules_.insert(rules_.begin(), {"root", *rule});
    for (const auto& [name, body] : kSharedRules) rules_.emplace_back(name, body);
    std::string out;
    for (const auto& [name, body] : rules_) out += fmt::format("{} ::= {}\n", name, body);
    return out;
  }

 private:
  using Expression = std::optional<std::string>;  ///< nothing where no value satisfies the schema

  // Once for all that is recursive later on.
  void refuse_deep_values() const {
    std::vector<std::pair<const Json*, int>> open = {{&root_, 0}};
    while (!open.empty()) {
      const auto [value, depth] = open.back();
      open.pop_back();
      if (depth > kMaxDepth) schema_error("#", "values nested deeper than 1000");
      if (value->is_structured())
        for (const auto& item : *value) open.emplace_back(&item, depth + 1);
    }
  }

  std::string unique_name(std::string_view wish) {
    std::string base;
    for (char c : wish.substr(0, 40)) base += std::isalnum(uint8_t(c)) ? c : '-';
    if (base.empty()) base = "empty";
    std::string name = base;
    for (int i = 2; !names_.insert(name).second; ++i) name = fmt::format("{}-{}", base, i);
    return name;
  }

  // The rule of a schema (of several that hold together), made on the first call.
  Expression visit(const AllOf& all, std::string_view wish) {
    std::string key;
    for (const auto& schema : all) key += schema.pointer + " ";
    if (open_here_.contains(key))
      schema_error(all.front().pointer, "a schema that contains itself before anything is read");
    if (const auto known = rule_of_.find(key); known != rule_of_.end()) return known->second;
    if (++nesting_ > kMaxSchemas) schema_error(all.front().pointer, "schemas nested deeper than 100");
    const std::string name = all.front().pointer == "#" && all.size() == 1 ? "root" : unique_name(wish);
    rule_of_[key] = name;
    open_here_.insert(key);
    const size_t place = rules_.size();
    rules_.emplace_back(name, "");
    const Expression body = body_of(all, name);
    // Recursive calls may have named it already: then a rule that never ends.
    rules_[place].second = body ? *body : fmt::format("\"!\" {}", name);
    open_here_.erase(key);
    --nesting_;
    return rule_of_[key] = body ? Expression(name) : std::nullopt;
  }

  // Behind something that was read, a schema may call itself again.
  Expression visit_inside(const AllOf& all, std::string_view wish) {
    std::set<std::string> outside;
    outside.swap(open_here_);
    const Expression rule = visit(all, wish);
    outside.swap(open_here_);
    return rule;
  }

  Expression body_of(const AllOf& all, const std::string& name) {
    if (all.size() == 1) {
      if (const auto ref = SchemaReader::only(all.front(), "$ref")) {
        const Located target = reader_.resolve(*ref);
        return visit({target}, last_key(target.pointer));
      }
      for (const char* keyword : {"anyOf", "oneOf"})
        if (const auto any = SchemaReader::only(all.front(), keyword)) return any_of(*any, name);
    }
    std::vector<std::string> ways;
    for (const auto& parts : reader_.alternatives(all)) add(ways, one(parts, name));
    return choice(ways);
  }

  Expression any_of(const Located& keyword, const std::string& name) {
    if (!keyword.value->is_array() || keyword.value->empty()) schema_error(keyword.pointer, "no array of schemas");
    std::vector<std::string> ways;
    for (size_t i = 0; i < keyword.value->size(); ++i) {
      const Located branch{&(*keyword.value)[i], pointer_to(keyword.pointer, std::to_string(i))};
      add(ways, visit({branch}, fmt::format("{}-{}", name, i)));
    }
    return choice(ways);
  }

  static void add(std::vector<std::string>& ways, Expression way) {
    if (way) ways.push_back(std::move(*way));
  }
  static Expression choice(const std::vector<std::string>& ways) {
    return ways.empty() ? std::nullopt : Expression(gbnf_join(ways));
  }

  static std::string last_key(const std::string& pointer) { return pointer.substr(pointer.rfind('/') + 1); }

  Expression one(const SchemaParts& parts, const std::string& name) {
    if (parts.values) return gbnf_values(parts);
    std::vector<std::string> ways;
    for (const auto& type : types_of(parts)) add(ways, of_type(type, parts, name));
    return choice(ways);
  }

  // The declared types, or the one that the keywords speak of.
  std::vector<std::string> types_of(const SchemaParts& parts) const {
    if (parts.types) return *parts.types;
    std::set<std::string> implied;
    if (!parts.properties.empty() || !parts.required.empty() || !parts.additional.empty()) implied.insert("object");
    if (!parts.items.empty() || parts.prefix || parts.has("minItems") || parts.has("maxItems")) implied.insert("array");
    for (const char* keyword : {"minLength", "maxLength", "pattern", "format"})
      if (parts.has(keyword)) implied.insert("string");
    for (const char* keyword : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
      if (parts.has(keyword)) implied.insert("number");
    if (implied.empty()) return {"value"};
    if (implied.size() > 1) schema_error(parts.pointer, "keywords of several types", "a \"type\" beside them");
    return {*implied.begin()};
  }

  Expression of_type(const std::string& type, const SchemaParts& parts, const std::string& name) {
    if (type == "object") return object(parts, name);
    if (type == "array") return array(parts, name);
    if (type == "string") return gbnf_string(parts);
    if (type == "integer" || type == "number") return gbnf_number(type, parts);
    return type;  // the shared rule
  }

  // ---- arrays

  Expression array(const SchemaParts& parts, const std::string& name) {
    std::vector<std::string> prefix;
    bool complete = true;  // an element that nothing satisfies ends the array
    if (parts.prefix) {
      for (const auto& schema : *parts.prefix) {
        const Expression rule = visit_inside({schema}, fmt::format("{}-{}", name, prefix.size()));
        complete = rule.has_value();
        if (!complete) break;
        prefix.push_back(*rule);
      }
    }
    Expression item;
    if (!complete) {
    } else if (!parts.items.empty()) {
      item = visit_inside(parts.items, name + "-item");
    } else if (!parts.prefix) {
      item = "value";
    }
    // A tuple is whole unless minItems says otherwise.
    const uint32_t low =
        parts.has("minItems") || !parts.prefix ? least_count(parts, "minItems") : uint32_t(parts.prefix->size());
    auto high = most_count(parts, "maxItems");
    if (!item) high = std::min<uint32_t>(high.value_or(UINT32_MAX), uint32_t(prefix.size()));
    if (high && *high < low) return std::nullopt;
    if (high && *high == 0) return R"("[" space "]")";
    return fmt::format("\"[\" space {} \"]\"", elements(prefix, item, low, high));
  }

  // The elements from the first on, with a comma before each but the first.
  static std::string elements(const std::vector<std::string>& prefix, const Expression& item, uint32_t low,
                              std::optional<uint32_t> high) {
    const uint32_t fixed = std::min<uint32_t>(uint32_t(prefix.size()), high.value_or(UINT32_MAX));
    std::string out;
    if (item && (!high || *high > fixed)) {
      const uint32_t low_rest = low > fixed ? low - fixed : 0;
      const auto high_rest = high ? std::optional(*high - fixed) : std::nullopt;
      if (fixed > 0) {
        out = fmt::format("(\",\" space {} space){}", *item, gbnf_counts(low_rest, high_rest));
      } else {
        const uint32_t low_more = low_rest > 0 ? low_rest - 1 : 0;
        const auto high_more = high_rest ? std::optional(*high_rest - 1) : std::nullopt;
        out = fmt::format("({0} space (\",\" space {0} space){1}){2}", *item, gbnf_counts(low_more, high_more),
                          low > 0 ? "" : "?");
      }
    }
    for (uint32_t i = fixed; i-- > 0;) {
      out = fmt::format("{}{} space{}{}", i > 0 ? "\",\" space " : "", prefix[i], out.empty() ? "" : " ", out);
      if (i >= low) out = fmt::format("({})?", out);
    }
    return out;
  }

  // ---- objects

  struct Property {
    std::string pair;  // name and value
    bool required;
  };

  Expression object(const SchemaParts& parts, const std::string& name) {
    const auto is_required = [&parts](const std::string& property) {
      return std::any_of(parts.required.begin(), parts.required.end(), [&](auto& r) { return r.first == property; });
    };
    std::vector<Property> properties;
    std::vector<std::string> keys;
    const auto add_property = [&](const std::string& key, const AllOf& schemas) {
      const bool required = is_required(key);
      const Expression rule = schemas.empty() ? "value" : visit_inside(schemas, key);
      keys.push_back(key);
      if (rule)
        properties.push_back({fmt::format("{} space \":\" space {}", gbnf_quote(Json(key).dump()), *rule), required});
      return rule || !required;
    };
    for (const auto& [key, schemas] : parts.properties)
      if (!add_property(key, schemas)) return std::nullopt;
    // Names that are required without having a schema follow those that have.
    for (const auto& [key, pointer] : parts.required)
      if (std::find(keys.begin(), keys.end(), key) == keys.end() && !add_property(key, parts.additional))
        return std::nullopt;

    const bool free_form = parts.properties.empty() && parts.required.empty();
    if (parts.additional.empty() && free_form) return "object";
    std::string more;  // a further pair
    if (!parts.additional.empty()) {
      if (const Expression rule = visit_inside(parts.additional, name + "-more"))
        more = fmt::format("{} space \":\" space {}", other_key(keys, name), *rule);
    }
    return "\"{\" space " + pairs(properties, more, name);
  }

  // Pairs in declared order, optional ones left out at will, then further ones; up to and with the brace. `first(i)`:
  // from property i on, none written yet; `then(i)`: some written, so that each begins with a comma. Both are shared,
  // as rules, where two call them.
  std::string pairs(const std::vector<Property>& properties, const std::string& more, const std::string& name) {
    const size_t n = properties.size();
    size_t first_required = 0;
    while (first_required < n && !properties[first_required].required) ++first_required;
    std::string then = more.empty() ? "\"}\"" : fmt::format("(\",\" space {} space)* \"}}\"", more);
    std::string first = more.empty() ? "\"}\"" : fmt::format("({} space (\",\" space {} space)*)? \"}}\"", more, more);
    for (size_t i = n; i-- > 0;) {
      const auto& [pair, required] = properties[i];
      const bool is_first = i <= first_required;  // nothing before it must be there
      if (i > 0 && i <= first_required && then.size() > 40) then = shared(name + "-rest", then);
      if (is_first) {
        if (required) {
          first = fmt::format("{} space {}", pair, then);
        } else {
          if (i + 1 < n && first.size() > 40) first = shared(name + "-from", first);
          first = fmt::format("({} space {} | {})", pair, then, first);
        }
      }
      then = required ? fmt::format("\",\" space {} space {}", pair, then)
                      : fmt::format("(\",\" space {} space)? {}", pair, then);
    }
    return first;
  }

  std::string shared(const std::string& wish, std::string body) {
    const std::string name = unique_name(wish);
    rules_.emplace_back(name, std::move(body));
    return name;
  }

  // A string that is none of the keys. Where it still agrees with one, a character may be written plainly or with a
  // short escape, not as \uXXXX.
  std::string other_key(const std::vector<std::string>& keys, const std::string& name) {
    if (keys.empty()) return "string";
    std::vector<std::u32string> texts;
    for (const auto& key : keys) {
      texts.emplace_back();
      for (size_t at = 0; at < key.size();) {
        const uint32_t c = read_code_point(key, at);
        if (c == UINT32_MAX) schema_error("#", "a property name that is no UTF-8");
        texts.back() += char32_t(c);
      }
    }
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return shared(name + "-key", fmt::format("\"\\\"\" {}", other_than(texts, 0, name)));
  }

  // The rest of a string, closing quote included, that agrees with all of `texts` on the first `depth` characters and
  // is none of them.
  std::string other_than(std::span<const std::u32string> texts, size_t depth, const std::string& name) {
    std::vector<std::string> ways;
    if (texts.front().size() > depth)
      ways.push_back("\"\\\"\"");
    else
      texts = texts.subspan(1);
    CodePoints next;
    while (!texts.empty()) {
      const char32_t c = texts.front()[depth];
      size_t same = 0;
      while (same < texts.size() && texts[same][depth] == c) ++same;
      std::string below = other_than(texts.first(same), depth + 1, name);
      if (depth % 16 == 15) below = shared(name + "-key", below);  // a bound for the nesting
      ways.push_back(fmt::format("{} {}", gbnf_json_char({{c, c}}), below));
      next.emplace_back(c, c);
      texts = texts.subspan(same);
    }
    ways.push_back(gbnf_json_char(complement(next)) + " char* \"\\\"\"");
    return fmt::format("({})", gbnf_join(ways));
  }

  const Json& root_;
  SchemaReader reader_;
  std::vector<std::pair<std::string, std::string>> rules_;
  std::set<std::string> names_;
  std::map<std::string, Expression> rule_of_;  // by the pointers of what holds together
  std::set<std::string> open_here_;            // schemas being visited since something was read
  int nesting_ = 0;
};

}  // namespace

std::string gbnf_from_json_schema(const nlohmann::ordered_json& schema) {
  try {
    return Converter(schema).run();
  } catch (const Json::exception& problem) {  // strings that are no UTF-8
    schema_error("#", problem.what(), "a JSON document");
  }
}

Grammar Grammar::from_json_schema(const nlohmann::ordered_json& schema, std::shared_ptr<const TokenTrie> trie) {
  return from_gbnf(gbnf_from_json_schema(schema), std::move(trie));
}

}  // namespace orrery::text
