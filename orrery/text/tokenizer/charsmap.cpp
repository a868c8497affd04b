#include "orrery/text/tokenizer/charsmap.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "orrery/base/error.h"

namespace orrery::text {

namespace {

// One unit of darts-clone (github.com/s-yata/darts-clone): what the 32 bits mean.
bool has_leaf(uint32_t unit) { return unit >> 8 & 1; }
uint32_t value(uint32_t unit) { return unit & 0x7FFFFFFFu; }
uint32_t label(uint32_t unit) { return unit & 0x800000FFu; }
uint32_t offset(uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }

}  // namespace

Charsmap::Charsmap(std::string_view blob, const std::string& where) {
  if (blob.empty()) return;
  const auto refuse = [&](std::string found) {
    throw Error({.doing = "read a precompiled character map", .where = where, .found = std::move(found)});
  };
  uint32_t bytes = 0;
  if (blob.size() < sizeof bytes) refuse(fmt::format("{} bytes", blob.size()));
  std::memcpy(&bytes, blob.data(), sizeof bytes);
  if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap32(bytes);
  if (bytes % 4 != 0 || bytes == 0 || bytes >= blob.size() - sizeof bytes) {
    refuse(fmt::format("an array of {} bytes in {} bytes", bytes, blob.size()));
  }
  units_.resize(bytes / 4);
  std::memcpy(units_.data(), blob.data() + sizeof bytes, bytes);
  if constexpr (std::endian::native == std::endian::big) {
    for (uint32_t& unit : units_) unit = __builtin_bswap32(unit);
  }
  replacements_ = blob.substr(sizeof bytes + bytes);
  if (replacements_.back() != '\0') refuse("a replacement without its end");

  for (unsigned char first = 1; first < 128; ++first) {
    uint32_t node = offset(units_[0]), after = 0;
    bool leaf = false;
    plain_[first] = !step(node, first, leaf) || !leaf;
    for (unsigned char second = 1; second < 128 && plain_[first] && node != 0; ++second) {
      plain_[first] = !step(after = node, second, leaf);
    }
  }
}

bool Charsmap::step(uint32_t& node, unsigned char byte, bool& leaf) const {
  const uint32_t at = node ^ byte;
  node = 0;
  if (byte == 0 || at >= units_.size() || label(units_[at]) != byte) return false;
  leaf = has_leaf(units_[at]);
  node = at ^ offset(units_[at]);
  return node < units_.size();
}

std::optional<Charsmap::Match> Charsmap::find(std::string_view text, bool first) const {
  std::optional<Match> best;
  if (units_.empty()) return best;
  uint32_t node = offset(units_[0]);
  bool leaf = false;
  for (size_t i = 0; i < text.size() && step(node, static_cast<unsigned char>(text[i]), leaf); ++i) {
    const uint32_t where = leaf ? value(units_[node]) : 0;
    if (!leaf || where >= replacements_.size()) continue;
    best = Match{replacements_.c_str() + where, i + 1};
    if (first) break;
  }
  return best;
}

}  // namespace orrery::text
