#include "orrery/serve/config/config.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <charconv>
#include <cmath>
#include <set>
#include <sstream>

#include "orrery/base/dtype.h"
#include "orrery/base/error.h"

namespace orrery::serve {
namespace {

/// A table's keys, each read once; what nobody read is an error.
class Keys {
 public:
  Keys(const toml::table& table, const std::filesystem::path& file, std::string name)
      : table_(table), file_(file), name_(std::move(name)) {}

  const toml::node* find(std::string_view key) {
    read_.emplace(key);
    return table_.get(key);
  }

  bool text(std::string_view key, std::string& value) {
    return read(key, "a string", [&](const toml::node& node) {
      const auto text = node.value_exact<std::string>();
      if (text) value = *text;
      return text.has_value();
    });
  }

  /// A path, which is relative to the file's folder.
  bool path(std::string_view key, std::string& value) {
    if (!text(key, value)) return false;
    value = (file_.parent_path() / value).string();
    return true;
  }

  bool flag(std::string_view key, bool& value) {
    return read(key, "true or false", [&](const toml::node& node) {
      const auto flag = node.value_exact<bool>();
      if (flag) value = *flag;
      return flag.has_value();
    });
  }

  template <class Integer>
  bool integer(std::string_view key, int64_t least, int64_t most, Integer& value) {
    return read(key, fmt::format("a whole number from {} to {}", least, most), [&](const toml::node& node) {
      const auto number = node.value_exact<int64_t>();
      if (!number || *number < least || *number > most) return false;
      value = static_cast<Integer>(*number);
      return true;
    });
  }

  bool bytes(std::string_view key, int64_t& value) {
    return read(key, "bytes, such as \"512M\" or \"8G\"", [&](const toml::node& node) {
      std::optional<int64_t> size = node.value_exact<int64_t>();
      if (const auto text = node.value_exact<std::string>()) size = bytes_of(*text);
      if (!size || *size < 0) return false;
      value = *size;
      return true;
    });
  }

  bool texts(std::string_view key, std::vector<std::string>& values) {
    return read(key, "a list of strings", [&](const toml::node& node) {
      const toml::array* list = node.as_array();
      if (list == nullptr) return false;
      for (const toml::node& one : *list) {
        const auto text = one.value_exact<std::string>();
        if (!text) return false;
        values.push_back(*text);
      }
      return true;
    });
  }

  const toml::table* table(std::string_view key) {
    const toml::table* found = nullptr;
    read(key, "a table", [&](const toml::node& node) { return (found = node.as_table()) != nullptr; });
    return found;
  }

  void finish() const {
    std::string known;
    for (const std::string& key : read_) known += (known.empty() ? "" : ", ") + key;
    for (const auto& [key, node] : table_)
      if (!read_.contains(std::string(key.str()))) fail(node, key.str(), "a key that is not known", "one of " + known);
  }

  [[noreturn]] void fail(const toml::node& node, std::string_view key, const std::string& found,
                         const std::string& expected) const {
    throw Error({.doing = "read the server's settings",
                 .where = fmt::format("{}, line {}, {}{}", file_.string(), node.source().begin.line, name_, key),
                 .found = found,
                 .expected = expected});
  }

 private:
  template <class Take>
  bool read(std::string_view key, const std::string& expected, const Take& take) {
    const toml::node* node = find(key);
    if (node == nullptr) return false;
    if (take(*node)) return true;
    std::ostringstream found;
    node->visit([&](const auto& value) { found << value; });
    fail(*node, key, found.str().substr(0, 80), expected);
  }

  const toml::table& table_;
  const std::filesystem::path& file_;
  const std::string name_;
  std::set<std::string> read_;
};

void read_kv(Keys& keys, text::EngineOptions& engine) {
  std::string name;
  if (!keys.text("kv", name)) return;
  for (DType type : {DType::kF32, DType::kF16, DType::kQ8_0, DType::kQ4_0}) {
    if (orrery::name(type) != name) continue;
    engine.kv_dtype = type;
    return;
  }
  keys.fail(*keys.find("kv"), "kv", name, "f32, f16, q8_0 or q4_0");
}

ModelEntry read_model(const toml::table& table, const std::filesystem::path& file, const text::EngineOptions& engine) {
  Keys keys(table, file, "model.");
  ModelEntry entry{.engine = engine};
  keys.text("path", entry.path);
  if (entry.path.empty()) keys.fail(table, "path", "nothing", "a GGUF file, a hub folder or a short name");
  const std::filesystem::path beside = file.parent_path() / entry.path;
  if (std::filesystem::exists(beside)) entry.path = beside.string();
  entry.name = std::filesystem::path(entry.path).stem().string();
  keys.text("name", entry.name);
  keys.flag("pinned", entry.pinned);
  keys.integer("threads", 0, 1024, entry.engine.threads);
  keys.integer("context", 0, INT32_MAX, entry.engine.context);
  keys.integer("sequences", 1, 4096, entry.engine.max_sequences);
  keys.integer("prompt_chunk", 16, INT32_MAX, entry.engine.prompt_chunk);
  keys.flag("lookup", entry.engine.lookup);
  keys.flag("mapped", entry.engine.mapped);
  keys.text("draft", entry.engine.draft);
  read_kv(keys, entry.engine);
  if (const toml::table* adapters = keys.table("adapters")) {
    Keys names(*adapters, file, "model.adapters.");
    for (const auto& [name, node] : *adapters) {
      std::string path;
      names.path(name.str(), path);
      entry.adapters.emplace_back(name.str(), path);
    }
  }
  keys.finish();
  return entry;
}

void read_models(Keys& keys, const std::filesystem::path& file, const text::EngineOptions& engine,
                 ServeOptions& options) {
  const toml::node* node = keys.find("model");
  if (node == nullptr) return;
  const toml::array* list = node->as_array();
  if (list == nullptr || !list->is_homogeneous(toml::node_type::table))
    keys.fail(*node, "model", "another form", "[[model]] tables");
  for (const toml::node& one : *list) {
    ModelEntry entry = read_model(*one.as_table(), file, engine);
    for (const ModelEntry& other : options.models)
      if (other.name == entry.name)
        keys.fail(one, "model.name", "\"" + entry.name + "\" a second time", "a name of its own");
    options.models.push_back(std::move(entry));
  }
}

}  // namespace

std::optional<int64_t> bytes_of(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !(number >= 0)) return std::nullopt;
  const std::string unit(end, text.data() + text.size());
  for (const auto& [name, factor] : {std::pair{"", 1.0}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}})
    if (unit == name && number * factor < 9e18) return static_cast<int64_t>(number * factor);
  return std::nullopt;
}

void read_config(const std::filesystem::path& file, const text::EngineOptions& engine, ServeOptions& options) {
  toml::table table;
  try {
    if (!std::filesystem::exists(file))
      throw Error({.doing = "read the server's settings", .where = file.string(), .found = "no such file"});
    table = toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    throw Error({.doing = "read the server's settings",
                 .where = fmt::format("{}, line {}", file.string(), error.source().begin.line),
                 .found = std::string(error.description()),
                 .expected = "TOML"});
  }
  Keys keys(table, file, "");
  keys.text("address", options.http.address);
  keys.integer("port", 0, 65535, options.http.port);
  keys.integer("connections", 1, 1 << 20, options.http.connections);
  int64_t body = static_cast<int64_t>(options.http.body_bytes);
  if (keys.bytes("body", body)) options.http.body_bytes = static_cast<size_t>(body);
  keys.path("certificate", options.http.certificate);
  keys.path("private_key", options.http.private_key);
  keys.path("api_keys", options.gate.keys_file);
  keys.texts("cors", options.gate.cors_origins);
  keys.texts("hosts", options.gate.hosts);
  keys.integer("queue", 1, 1 << 20, options.queue);
  keys.bytes("memory", options.memory_bytes);
  keys.flag("studio", options.studio);
  keys.text("database", options.database);
  int64_t drain = options.drain_time.count();
  if (keys.integer("drain_seconds", 0, 86400, drain)) options.drain_time = std::chrono::seconds(drain);
  keys.flag("log_requests", options.log_requests);
  read_models(keys, file, engine, options);
  keys.finish();
}

}  // namespace orrery::serve
