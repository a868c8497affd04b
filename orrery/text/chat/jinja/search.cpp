#include "orrery/text/chat/jinja/search.h"

#include <algorithm>
#include <vector>

#include "orrery/text/chat/jinja/budget.h"

namespace orrery::text::jinja {
namespace {

constexpr size_t kShort =
    16;  // up to here the quadratic search is at most this much slower than linear, and usually faster

// Knuth, Morris and Pratt (1977). `at` maps positions, so that the same loop runs from either end.
template <class At, class NeedleAt>
size_t search(size_t text_size, size_t needle_size, const At& at, const NeedleAt& needle_at) {
  std::vector<size_t> border(needle_size, 0);  // border[i]: length of the longest proper border of needle[0..i]
  for (size_t i = 1, k = 0; i < needle_size; ++i) {
    while (k > 0 && needle_at(i) != needle_at(k)) k = border[k - 1];
    if (needle_at(i) == needle_at(k)) ++k;
    border[i] = k;
  }
  for (size_t i = 0, k = 0; i < text_size; ++i) {
    while (k > 0 && at(i) != needle_at(k)) k = border[k - 1];
    if (at(i) == needle_at(k)) ++k;
    if (k == needle_size) return i + 1 - needle_size;
  }
  return std::string_view::npos;
}

}  // namespace

size_t find_first(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size() || needle.size() > text.size() - from) return std::string_view::npos;
  const std::string_view area = text.substr(from);
  const size_t found = needle.size() <= kShort ? area.find(needle)
                                               : search(
                                                     area.size(), needle.size(), [&](size_t i) { return area[i]; },
                                                     [&](size_t i) { return needle[i]; });
  Budget::current().work(static_cast<int64_t>(std::min(found, area.size()) + needle.size()));
  return found == std::string_view::npos ? found : from + found;
}

size_t find_last(std::string_view text, std::string_view needle) {
  if (needle.size() > text.size()) return std::string_view::npos;
  size_t found;
  if (needle.size() <= kShort) {
    found = text.rfind(needle);
  } else {
    const size_t end = text.size() - 1, needle_end = needle.size() - 1;
    const size_t from_end = search(
        text.size(), needle.size(), [&](size_t i) { return text[end - i]; },
        [&](size_t i) { return needle[needle_end - i]; });
    found = from_end == std::string_view::npos ? from_end : text.size() - needle.size() - from_end;
  }
  Budget::current().work(static_cast<int64_t>(text.size() - (found == std::string_view::npos ? 0 : found)));
  return found;
}

}  // namespace orrery::text::jinja
