#include "orrery/text/chat/jinja/json.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

Value from_json_at(const nlohmann::ordered_json& json, int depth) {
  checked_depth(depth);
  switch (json.type()) {
    case nlohmann::json::value_t::boolean:
      return Value(json.get<bool>());
    case nlohmann::json::value_t::number_integer:
      return Value(json.get<int64_t>());
    case nlohmann::json::value_t::number_float:
      return Value(json.get<double>());
    case nlohmann::json::value_t::string:
      return Value::text(json.get_ref<const std::string&>());
    case nlohmann::json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > INT64_MAX) throw Failure("an integer that does not fit 64 bits: " + std::to_string(number));
      return Value(static_cast<int64_t>(number));
    }
    case nlohmann::json::value_t::array: {
      std::vector<Value> items;
      for (const auto& item : json) items.push_back(from_json_at(item, depth + 1));
      return Value::list(std::move(items));
    }
    case nlohmann::json::value_t::object: {
      auto dict = std::make_shared<Dict>();
      for (const auto& [key, item] : json.items()) dict->set(Value::text(key), from_json_at(item, depth + 1));
      return Value(std::shared_ptr<const Dict>(std::move(dict)));
    }
    default:
      return Value();
  }
}

class JsonWriter {
 public:
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;
  std::string item_separator = ", ", key_separator = ": ";

  void write(const Value& value, int level) {
    Budget::current().step();
    if (value.is_text())
      write_text(value.bytes());
    else if (value.is_none())
      out_.append("null");
    else if (value.is_bool())
      out_.append(value.boolean() ? "true" : "false");
    else if (value.is_int())
      out_.append(std::to_string(value.integer()));
    else if (value.is_real())
      out_.append(real(value.real()));
    else if (value.is_sequence())
      write_list(value.items(), level);
    else if (value.is_dict())
      write_dict(value.dict(), level);
    else
      throw Failure("Object of type " + value.type_name() + " is not JSON serializable");
  }

  std::string take() { return out_.take(); }

 private:
  static std::string real(double d) {
    if (std::isnan(d)) return "NaN";
    return std::isinf(d) ? (d < 0 ? "-Infinity" : "Infinity") : repr_of_real(d);
  }

  void new_line(int level) {
    if (!indented) return;
    out_.append('\n');
    for (int i = 0; i < level; ++i) out_.append(indent);
  }

  void write_list(const std::vector<Value>& items, int level) {
    if (items.empty()) return out_.append("[]");
    out_.append('[');
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.append(item_separator);
      new_line(level + 1);
      write(items[i], level + 1);
    }
    new_line(level);
    out_.append(']');
  }

  void write_dict(const Dict& dict, int level) {
    if (dict.items().empty()) return out_.append("{}");
    std::vector<const std::pair<Value, Value>*> items;
    for (const auto& item : dict.items()) items.push_back(&item);
    if (sort_keys)
      std::stable_sort(items.begin(), items.end(),
                       [](const auto* a, const auto* b) { return less(a->first, b->first); });
    out_.append('{');
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.append(item_separator);
      new_line(level + 1);
      write_text(key_text(items[i]->first));
      out_.append(key_separator);
      write(items[i]->second, level + 1);
    }
    new_line(level);
    out_.append('}');
  }

  static std::string key_text(const Value& key) {
    if (key.is_text()) return key.bytes();
    if (key.is_none()) return "null";
    if (key.is_bool()) return key.boolean() ? "true" : "false";
    if (key.is_int()) return std::to_string(key.integer());
    if (key.is_real()) return real(key.real());
    throw Failure("keys must be str, int, float, bool or None, not " + key.type_name());
  }

  static void append_unit(std::string& quoted, unsigned unit) {
    char buffer[8];
    quoted.append(buffer, std::snprintf(buffer, sizeof buffer, "\\u%04x", unit));
  }

  void write_text(std::string_view text) {
    std::string quoted = "\"";
    for (size_t pos = 0; pos < text.size();) {
      const size_t begin = pos;
      const char32_t c = next_code_point(text, pos);
      switch (c) {
        case '"':
          quoted += "\\\"";
          break;
        case '\\':
          quoted += "\\\\";
          break;
        case '\n':
          quoted += "\\n";
          break;
        case '\r':
          quoted += "\\r";
          break;
        case '\t':
          quoted += "\\t";
          break;
        case '\f':
          quoted += "\\f";
          break;
        case '\b':
          quoted += "\\b";
          break;
        default:
          if (c < 0x20 || (ensure_ascii && c > 0x7E && c < 0x10000)) {
            append_unit(quoted, c);
          } else if (ensure_ascii && c >= 0x10000) {
            append_unit(quoted, 0xD800 + ((c - 0x10000) >> 10));
            append_unit(quoted, 0xDC00 + ((c - 0x10000) & 0x3FF));
          } else {
            quoted += text.substr(begin, pos - begin);
          }
      }
    }
    quoted += '"';
    out_.append(quoted);
  }

  TextBuilder out_;
};

}  // namespace

Value from_json(const nlohmann::ordered_json& json) { return from_json_at(json, 0); }

Value tojson(const Value& value, const CallArgs& call) {
  const Arguments args("tojson", call, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonWriter writer;
  writer.ensure_ascii = args.truth(0);
  writer.sort_keys = args.truth(3);
  if (args.has_value(1)) {
    writer.indented = true;
    writer.item_separator = ",";
    writer.indent = args[1].is_text() ? args[1].bytes() : multiply(Value::text(" "), Value(as_index(args[1]))).bytes();
  }
  if (args.has_value(2)) {
    const std::vector<Value> separators = collect(args[2]);
    if (separators.size() != 2 || !separators[0].is_text() || !separators[1].is_text())
      throw Failure("separators must be a pair of texts");
    writer.item_separator = separators[0].bytes();
    writer.key_separator = separators[1].bytes();
  }
  writer.write(value, 0);
  return Value::text(writer.take());
}

}  // namespace orrery::text::jinja
