#include "orrery/serve/store/fields.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>

#include "orrery/serve/store/store.h"

namespace orrery::serve {
namespace {

bool deeper_than(const Json& value, size_t levels) {
  if (!value.is_structured()) return false;
  if (levels == 0) return true;
  return std::any_of(value.begin(), value.end(), [&](const Json& child) { return deeper_than(child, levels - 1); });
}

std::string joined(std::initializer_list<std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

}  // namespace

void refuse(const std::string& doing, std::string_view field, std::string found, std::string expected) {
  throw StoreError(
      StoreError::Kind::kInvalid,
      {.doing = doing, .where = std::string(field), .found = std::move(found), .expected = std::move(expected)});
}

void check_id(const std::string& doing, std::string_view field, std::string_view id) {
  const bool good = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (good && !id.empty() && id.size() <= 64) return;
  refuse(doing, field, good ? std::to_string(id.size()) + " characters" : "other characters",
         "an id of 1 to 64 characters A-Z a-z 0-9 _ -");
}

std::string new_id() {
  unsigned char bytes[16];
  while (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
    if (errno != EINTR) {
      throw StoreError(StoreError::Kind::kUnavailable, {.doing = "make an id", .found = "no random bytes"});
    }
  }
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string id;
  for (size_t i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    id += "0123456789abcdef"[bytes[i] >> 4];
    id += "0123456789abcdef"[bytes[i] & 15];
  }
  return id;
}

long long now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string json_text(const std::string& doing, std::string_view field, const Json& value, size_t most_bytes) {
  // Before dump, which recurses.
  if (deeper_than(value, StoreLimits::kJsonDepth)) {
    refuse(doing, field, "deeper nesting", "at most " + std::to_string(StoreLimits::kJsonDepth) + " levels");
  }
  std::string text;
  try {
    text = value.dump();
  } catch (const Json::type_error&) {
    refuse(doing, field, "bytes that are not UTF-8", "UTF-8");
  }
  if (text.size() > most_bytes) {
    refuse(doing, field, std::to_string(text.size()) + " bytes as JSON", "at most " + std::to_string(most_bytes));
  }
  return text;
}

void check_text(const std::string& doing, std::string_view field, const std::string& text, size_t most_chars) {
  json_text(doing, field, text, most_chars * 12 + 2);  // UTF-8, and not too long to count
  const auto characters =
      static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  if (characters <= most_chars) return;
  refuse(doing, field, std::to_string(characters) + " characters", "at most " + std::to_string(most_chars));
}

StudioFields::StudioFields(const Json& body, std::string doing, std::initializer_list<std::string_view> known)
    : body_(body), doing_(std::move(doing)) {
  if (!body.is_object()) refuse(doing_, "", body.type_name(), "an object");
  for (const auto& [name, value] : body.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const bool printable =
        name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
    refuse(doing_, printable ? name : "", "an unknown field", joined(known));
  }
}

bool StudioFields::has(std::string_view name) const { return body_.contains(name); }

const Json* StudioFields::find(std::string_view name) const {
  const auto found = body_.find(name);
  return found == body_.end() || found->is_null() ? nullptr : &*found;
}

const Json& StudioFields::required(std::string_view name) const {
  if (const Json* value = find(name)) return *value;
  refuse(doing_, name, "nothing", "a value");
}

std::optional<std::string> StudioFields::string(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse(doing_, name, value->type_name(), "a string");
  return value->get<std::string>();
}

std::optional<std::string> StudioFields::id(std::string_view name) const {
  auto id = string(name);
  if (id) check_id(doing_, name, *id);
  return id;
}

std::optional<std::string> StudioFields::one_of(std::string_view name,
                                                std::initializer_list<std::string_view> allowed) const {
  auto value = string(name);
  if (value && std::find(allowed.begin(), allowed.end(), *value) == allowed.end()) {
    refuse(doing_, name, "another string", "one of " + joined(allowed));
  }
  return value;
}

std::optional<std::string> StudioFields::name(std::string_view name) const {
  auto text = string(name);
  if (!text) return text;
  check_text(doing_, name, *text, StoreLimits::kTitleChars);
  if (text->find('\0') != std::string::npos) refuse(doing_, name, "a NUL", "text");
  return text;
}

std::optional<std::string> StudioFields::object(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) refuse(doing_, name, value->type_name(), "an object");
  return json_text(doing_, name, *value, StoreLimits::kObjectBytes);
}

}  // namespace orrery::serve
