#include "orrery/text/families/gguf_config.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace orrery::text {

GgufConfig::GgufConfig(const formats::GgufFile& file, std::string where) : file_(file), where_(std::move(where)) {
  const std::optional<std::string> architecture = file.get_string("general.architecture");
  if (!architecture)
    throw Error({.doing = "open a language model",
                 .where = where_ + ", general.architecture",
                 .found = "no such key",
                 .expected = "the name of an architecture"});
  architecture_ = *architecture;
}

Error GgufConfig::error(std::string_view key, std::string found, std::string expected) const {
  return Error({.doing = "open a language model",
                .where = fmt::format("{}, {}", where_, full(key)),
                .found = std::move(found),
                .expected = std::move(expected)});
}

bool GgufConfig::has(std::string_view key) const { return file_.metadata().contains(full(key)); }

int64_t GgufConfig::integer(std::string_view key, int64_t fallback) const {
  return file_.get_int(full(key)).value_or(fallback);
}

int64_t GgufConfig::size(std::string_view key) const {
  const std::optional<int64_t> value = file_.get_int(full(key));
  if (!value) throw error(key, "no such key", "a size");
  if (*value < 1 || *value > std::numeric_limits<int32_t>::max())
    throw error(key, std::to_string(*value), "a size from 1 to 2^31 - 1");
  return *value;
}

int64_t GgufConfig::size(std::string_view key, int64_t fallback) const { return has(key) ? size(key) : fallback; }

double GgufConfig::number(std::string_view key, double fallback) const {
  return file_.get_float(full(key)).value_or(fallback);
}

double GgufConfig::positive(std::string_view key, double fallback) const {
  const double value = number(key, fallback);
  if (!(value > 0) || !std::isfinite(value)) throw error(key, fmt::format("{}", value), "a positive number");
  return value;
}

std::vector<int64_t> GgufConfig::flags(std::string_view key) const {
  const auto entry = file_.metadata().find(full(key));
  if (entry == file_.metadata().end() || entry->second.type != formats::GgufValue::Type::kArray) return {};
  return *file_.get_ints(full(key));
}

std::string GgufConfig::string(std::string_view key, const std::string& fallback) const {
  return file_.get_string(full(key)).value_or(fallback);
}

}  // namespace orrery::text
