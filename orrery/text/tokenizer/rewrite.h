// Rewriting texts, as a tokenizer's steps do.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "orrery/base/error.h"

namespace orrery::text {

/// Replaces every `from`, from left to right, in linear time. An empty `from` is in no text.
inline void replace_all(std::string& text, std::string_view from, std::string_view to) {
  size_t match = from.empty() ? std::string::npos : text.find(from);
  if (match == std::string::npos) return;
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  size_t at = 0;
  for (; match != std::string::npos; match = text.find(from, at)) {
    out.append(text, at, match - at).append(to);
    at = match + from.size();
  }
  text = std::move(out.append(text, at));
}

/// Throws Error where a text of `before` bytes has become more than 64 times as long, and 1 MiB: steps that each double
/// it would fill the memory; no real tokenizer's make it even four times as long. `part` is named in the error.
inline void check_growth(size_t before, size_t after, const char* part) {
  constexpr size_t kMaxGrowth = 64, kAlwaysAllowed = 1 << 20;
  if (after <= kMaxGrowth * before + kAlwaysAllowed) return;
  throw Error({.doing = "rewrite a text",
               .where = std::string("the tokenizer's ") + part,
               .found = std::to_string(before) + " bytes become " + std::to_string(after),
               .expected = "at most " + std::to_string(kMaxGrowth) + " times as many"});
}

}  // namespace orrery::text
