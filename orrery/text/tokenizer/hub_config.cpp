#include "orrery/text/tokenizer/hub_config.h"

#include <algorithm>
#include <charconv>

#include "orrery/base/file.h"
#include "orrery/text/tokenizer/hub_json.h"
#include "orrery/text/tokenizer/special_names.h"

namespace orrery::text {

namespace fs = std::filesystem;

nlohmann::json parse_hub_json(std::string_view text, const std::string& name) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw Error({.doing = "read a tokenizer", .where = name, .found = error.what(), .expected = "JSON"});
  }
}

namespace {

std::optional<nlohmann::json> read_json(const fs::path& path) {
  if (!fs::exists(path)) return std::nullopt;
  return parse_hub_json(read_text(path), path.string());
}

/// "<s>" or {"content": "<s>", …}.
std::string token_text(const std::optional<JsonView>& json) {
  if (!json) return "";
  return json->value().is_object() ? json->at("content").string() : json->string();
}

/// A string, or a list of named templates of which "default" is meant.
std::string template_text(const JsonView& json) {
  if (!json.value().is_array()) return json.string();
  std::string first;
  for (const JsonView& named : json.elements()) {
    const std::string text = named.at("template").string();
    if (named.at("name").string() == "default") return text;
    if (first.empty()) first = text;
  }
  return first;
}

TokenId id_from_key(const std::string& key, const JsonView& json) {
  TokenId id = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc() || end != key.data() + key.size() || id < 0) json.fail("the key " + key, "a token id");
  return id;
}

void read_special_names(const JsonView& json, HubConfig& config) {
  const auto fill = [&](std::string& text, const char* key) {
    if (text.empty()) text = token_text(json.find(key));
  };
  fill(config.bos, "bos_token");
  fill(config.eos, "eos_token");
  fill(config.unk, "unk_token");
  fill(config.pad, "pad_token");
}

void read_tokenizer_config(const JsonView& json, HubConfig& config) {
  read_special_names(json, config);
  if (const auto add = json.find("add_bos_token")) config.add_bos = add->boolean();
  if (const auto add = json.find("add_eos_token")) config.add_eos = add->boolean();
  if (const auto text = json.find("chat_template")) config.chat_template = template_text(*text);
  if (const auto decoder = json.find("added_tokens_decoder")) {
    for (const auto& [key, value] : decoder->value().items()) {
      config.added.push_back(
          added_token_from_json(JsonView(value, decoder->where() + "." + key), id_from_key(key, *decoder)));
    }
  }
}

void read_added_tokens(const JsonView& json, HubConfig& config) {
  for (const auto& [content, id] : json.value().items()) {
    const bool known = std::any_of(config.added.begin(), config.added.end(),
                                   [&, &c = content](const AddedToken& t) { return t.content == c; });
    const int64_t value = JsonView(id, json.where() + ", " + content).integer();
    if (value < 0 || value > INT32_MAX) json.fail("the id " + std::to_string(value), "a token id");
    if (!known)
      config.added.push_back(
          {.content = content, .id = static_cast<TokenId>(value), .special = content.starts_with("<|")});
  }
}

}  // namespace

AddedToken added_token_from_json(const JsonView& json, TokenId id) {
  AddedToken token{.content = json.at("content").string(), .id = id};
  token.special = json.boolean("special", false);
  token.single_word = json.boolean("single_word", false);
  token.lstrip = json.boolean("lstrip", false);
  token.rstrip = json.boolean("rstrip", false);
  token.normalized = json.boolean("normalized", !token.special);
  return token;
}

HubConfig read_hub_config(const fs::path& folder) {
  HubConfig config;
  const auto read = [&](const char* name, auto take) {
    const fs::path path = folder / name;
    if (const auto json = read_json(path)) {
      const JsonView view(*json, path.string());
      if (!json->is_object()) view.mistyped("an object");
      take(view);
    }
  };
  read("tokenizer_config.json", [&](const JsonView& json) { read_tokenizer_config(json, config); });
  read("special_tokens_map.json", [&](const JsonView& json) { read_special_names(json, config); });
  read("added_tokens.json", [&](const JsonView& json) { read_added_tokens(json, config); });
  read("generation_config.json", [&](const JsonView& json) {
    const auto ids = json.find("eos_token_id");
    if (!ids) return;
    const auto add = [&](const JsonView& one) { config.eos_ids.push_back(static_cast<TokenId>(one.integer())); };
    if (!ids->value().is_array()) return add(*ids);
    for (const JsonView& one : ids->elements()) add(one);
  });
  if (const fs::path path = folder / "chat_template.jinja"; fs::exists(path)) config.chat_template = read_text(path);
  std::sort(config.added.begin(), config.added.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return config;
}

void apply_hub_config(const HubConfig& config, Tokenizer& tokenizer) {
  const auto set = [&](std::optional<TokenId>& id, const std::string& text) {
    if (text.empty()) return;
    if (const auto found = tokenizer.find(text)) id = found;
  };
  set(tokenizer.bos, config.bos);
  set(tokenizer.eos, config.eos);
  set(tokenizer.unk, config.unk);
  set(tokenizer.pad, config.pad);
  tokenizer.chat_template = config.chat_template;
  find_end_of_generation(tokenizer, config.eos_ids);
}

}  // namespace orrery::text
