#include "orrery/text/tokenizer/unicode_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

bool composes(UnicodeForm form) { return form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc; }

/// Stays as it is, and nothing before it can join or pass it.
bool is_inert(char32_t code, UnicodeForm form) {
  const char32_t first = form == UnicodeForm::kNfc ? 0x300 : form == UnicodeForm::kNfd ? 0xC0 : 0xA0;
  return code < first || (code >= 0x4E00 && code <= 0x9FFF);  // the common Han block
}

int combining_class(utf8proc_int32_t code) { return utf8proc_get_property(code)->combining_class; }

/// Canonical ordering: marks of different classes between two starters, by class. utf8proc's own is quadratic in a
/// run's length.
void order_marks(std::vector<utf8proc_int32_t>& codes) {
  for (auto at = codes.begin(); at != codes.end();) {
    if (combining_class(*at) == 0) {
      ++at;
      continue;
    }
    const auto end = std::find_if(at, codes.end(), [](auto code) { return combining_class(code) == 0; });
    std::stable_sort(at, end, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    at = end;
  }
}

void append_normalized(std::string_view text, UnicodeForm form, std::string& out) {
  const bool compatible = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  const auto decompose =
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0));
  std::vector<utf8proc_int32_t> codes;
  codes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text.data() + at);
    utf8proc_int32_t parts[32];  // the longest decomposition has 18
    int boundary = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(character.code), parts, std::size(parts),
                                               decompose, &boundary);
    codes.insert(codes.end(), parts, parts + std::clamp<utf8proc_ssize_t>(count, 0, std::size(parts)));
    at += character.length;
  }
  order_marks(codes);
  if (composes(form)) {
    const auto length = utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()),
                                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    codes.resize(static_cast<size_t>(std::max<utf8proc_ssize_t>(length, 0)));
  }
  for (auto code : codes) append_utf8(out, static_cast<char32_t>(code));
}

}  // namespace

void normalize_unicode(std::string& text, UnicodeForm form) {
  std::string out;
  size_t copied = 0;    // text before this is in `out`
  size_t previous = 0;  // start of the character before `at`: what a mark at `at` may join
  for (size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text.data() + at);
    if (is_inert(character.code, form)) {
      previous = at;
      at += character.length;
      continue;
    }
    size_t end = at;
    while (end < text.size()) {
      const Utf8Char next = decode_utf8(text.data() + end);
      if (is_inert(next.code, form)) break;
      end += next.length;
    }
    out.append(text, copied, previous - copied);
    append_normalized(std::string_view(text).substr(previous, end - previous), form, out);
    copied = previous = at = end;
  }
  if (copied == 0) return;
  out.append(text, copied);
  text = std::move(out);
}

}  // namespace orrery::text
