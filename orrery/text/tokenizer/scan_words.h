// The expression that GPT-2 began and everybody varied, as a scanner with the variations as template parameters.
#pragma once

#include <string_view>

#include "orrery/text/tokenizer/function_ref.h"
#include "orrery/text/tokenizer/unicode.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

/// What a member of the family does; the alternatives are tried in this order.
struct WordRules {
  /// 's 't 're 've 'm 'll 'd: words of their own (in lower case or any), or the end of a word of letters.
  enum class Contraction { kNone, kLowerCase, kAnyCase, kAnyCaseSuffix } contraction = Contraction::kAnyCase;
  /// What a word of letters may start with: " ?" or "[^\r\n\p{L}\p{N}]?".
  enum class Lead { kSpace, kAnything } lead = Lead::kAnything;
  bool marks = false;  ///< [\p{L}\p{M}] in place of \p{L}
  bool cased = false;  ///< o200k: upper case before lower case, "camelCase" is two words
  /// " ?\p{N}+", "\p{N}", "\p{N}{1,3}", "\p{N}+"; or "\p{N}" cut out before all else, so that the text ends there.
  enum class Digits { kSpaceRun, kOne, kUpToThree, kRun, kCutOut } digits = Digits::kUpToThree;
  /// What may follow " ?[^\s\p{L}\p{N}]+": nothing, "[\r\n]*", "[\r\n/]*".
  enum class Tail { kNone, kNewlines, kNewlinesAndSlashes } tail = Tail::kNewlines;
  bool newlines = true;  ///< "\s*[\r\n]+" before "\s+(?!\S)|\s+"
};

/// A position in a text, with the class of the character there.
struct Cursor {
  const char* at;
  const char* end;
  char32_t code = 0;
  uint32_t length = 0;
  uint8_t kind = 0;

  Cursor(const char* at, const char* end) : at(at), end(end) { read(); }
  bool done() const { return at == end; }
  bool is(uint8_t kinds) const { return !done() && (kind & kinds) != 0; }
  bool is_newline() const { return !done() && (*at == '\n' || *at == '\r'); }
  void next() {
    at += length;
    read();
  }
  void read() {
    kind = 0;
    if (at == end) return;
    if (const auto byte = static_cast<unsigned char>(*at); byte < 0x80) {
      code = byte, length = 1, kind = detail::kAsciiClass[byte];
      return;
    }
    const Utf8Char character = decode_utf8(at);
    code = character.code, length = character.length, kind = detail::wide_char_class(code);
  }
};

/// Bytes of the contraction at `at`, 0 when there is none. In any case, U+017F is an s, as case folding has it.
inline size_t contraction_length(const char* at, const char* end, bool any_case) {
  if (end - at < 2 || *at != '\'') return 0;
  const auto letter = [=](int i) -> char {
    if (end - at <= i) return 0;
    return any_case && at[i] >= 'A' && at[i] <= 'Z' ? static_cast<char>(at[i] | 0x20) : at[i];
  };
  switch (letter(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return letter(2) == 'e' ? 3 : 0;
    case 'l':
      return letter(2) == 'l' ? 3 : 0;
    default:
      return any_case && end - at >= 3 && at[1] == '\xC5' && at[2] == '\xBF' ? 3 : 0;
  }
}

/// o200k's word at the cursor: "[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" or nullptr; without
/// `lower`, its other half
/// "[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*".
inline const char* cased_word_end(Cursor cursor, bool lower) {
  const char* begin = cursor.at;
  const char* last_both = nullptr;  // end of the last character that either class has
  for (; cursor.is(kUpper | kOtherLetter | kMark); cursor.next()) {
    if (cursor.kind & (kOtherLetter | kMark)) last_both = cursor.at + cursor.length;
  }
  if (lower && !cursor.is(kLower)) return last_both;  // the first class gives back until the second has one
  if (!lower && cursor.at == begin) return nullptr;
  while (cursor.is(kLower | kOtherLetter | kMark)) cursor.next();
  return cursor.at;
}

/// The end of the word of letters at the cursor with its lead, or nullptr.
template <WordRules kRules>
const char* letters_end(Cursor cursor) {
  const bool leads = kRules.lead == WordRules::Lead::kSpace
                         ? !cursor.done() && *cursor.at == ' '
                         : !cursor.done() && !cursor.is(kLetter | kNumber) && !cursor.is_newline();
  Cursor after = cursor;
  if (leads) after.next();
  const auto with_and_without_lead = [&](auto word_end) -> const char* {
    const char* end = leads ? word_end(after) : nullptr;
    return end ? end : word_end(cursor);
  };
  if constexpr (kRules.cased) {
    const char* end = with_and_without_lead([](Cursor from) { return cased_word_end(from, /*lower=*/true); });
    return end ? end : with_and_without_lead([](Cursor from) { return cased_word_end(from, /*lower=*/false); });
  } else {
    return with_and_without_lead([](Cursor from) -> const char* {
      constexpr uint8_t kWord = kRules.marks ? kLetter | kMark : kLetter;
      if (!from.is(kWord)) return nullptr;
      while (from.is(kWord)) from.next();
      return from.at;
    });
  }
}

template <WordRules kRules>
const char* digits_end(Cursor cursor) {
  using Digits = WordRules::Digits;
  if (kRules.digits == Digits::kSpaceRun && !cursor.done() && *cursor.at == ' ') cursor.next();
  if (!cursor.is(kNumber)) return nullptr;
  constexpr bool kOne = kRules.digits == Digits::kOne || kRules.digits == Digits::kCutOut;
  constexpr int kMost = kOne ? 1 : kRules.digits == Digits::kUpToThree ? 3 : -1;
  for (int count = 0; cursor.is(kNumber) && count != kMost; ++count) cursor.next();
  return cursor.at;
}

template <WordRules kRules>
const char* others_end(Cursor cursor) {
  using Tail = WordRules::Tail;
  constexpr uint8_t kNot = kSpace | kLetter | kNumber | (kRules.marks ? kMark : 0);
  if (!cursor.done() && *cursor.at == ' ') cursor.next();
  if (cursor.done() || (cursor.kind & kNot)) return nullptr;
  while (!cursor.done() && !(cursor.kind & kNot)) cursor.next();
  const char* at = cursor.at;
  while (kRules.tail != Tail::kNone && at != cursor.end &&
         (*at == '\r' || *at == '\n' || (kRules.tail == Tail::kNewlinesAndSlashes && *at == '/'))) {
    ++at;
  }
  return at;
}

/// "\s*[\r\n]+|\s+(?!\S)|\s+" at a space.
inline const char* spaces_end(Cursor cursor, bool newlines, bool numbers_end_text = false) {
  const char* last_newline = nullptr;
  const char* last = cursor.at;
  const char* begin = cursor.at;
  for (; cursor.is(kSpace); cursor.next()) {
    last = cursor.at;
    if (cursor.is_newline()) last_newline = cursor.at + 1;
  }
  if (newlines && last_newline) return last_newline;
  if (numbers_end_text && cursor.is(kNumber)) return cursor.at;
  return cursor.done() || last == begin ? cursor.at : last;  // leave one space to lead the next word
}

template <WordRules kRules>
const char* word_end(const char* at, const char* end) {
  using Contraction = WordRules::Contraction;
  constexpr bool kOwnWord =
      kRules.contraction == Contraction::kLowerCase || kRules.contraction == Contraction::kAnyCase;
  if (kOwnWord && *at == '\'') {
    if (size_t length = contraction_length(at, end, kRules.contraction == Contraction::kAnyCase)) return at + length;
  }
  const Cursor cursor(at, end);
  if (cursor.is(kNumber)) return digits_end<kRules>(cursor);  // no alternative before that one begins with a number
  if (const char* word = letters_end<kRules>(cursor)) {
    return kRules.contraction == Contraction::kAnyCaseSuffix ? word + contraction_length(word, end, true) : word;
  }
  if (const char* digits = digits_end<kRules>(cursor)) return digits;
  if (const char* others = others_end<kRules>(cursor)) return others;
  return spaces_end(cursor, kRules.newlines, kRules.digits == WordRules::Digits::kCutOut);
}

template <WordRules kRules>
void scan_words(std::string_view text, FunctionRef<void(std::string_view)> sink) {
  const char* end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    const char* word = word_end<kRules>(at, end);
    sink({at, static_cast<size_t>(word - at)});
    at = word;
  }
}

}  // namespace orrery::text
