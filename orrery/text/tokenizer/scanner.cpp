#include "orrery/text/tokenizer/scanner.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "orrery/text/tokenizer/scan_words.h"

namespace orrery::text {

namespace {

using Sink = FunctionRef<void(std::string_view)>;
using Contraction = WordRules::Contraction;
using Digits = WordRules::Digits;
using Tail = WordRules::Tail;

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

constexpr WordRules kGpt2Rules = {.contraction = Contraction::kLowerCase,
                                  .lead = WordRules::Lead::kSpace,
                                  .digits = Digits::kSpaceRun,
                                  .tail = Tail::kNone,
                                  .newlines = false};
constexpr WordRules kDigitsGpt2Rules = {.contraction = Contraction::kLowerCase,
                                        .lead = WordRules::Lead::kSpace,
                                        .digits = Digits::kCutOut,
                                        .tail = Tail::kNone,
                                        .newlines = false};
constexpr WordRules kCl100kRules = {};
constexpr WordRules kQwen2Rules = {.digits = Digits::kOne};
constexpr WordRules kMiniCpm5Rules = {.digits = Digits::kRun};
constexpr WordRules kSeedCoderRules = {.digits = Digits::kOne, .tail = Tail::kNone};
constexpr WordRules kNoContraction = {.contraction = Contraction::kNone, .digits = Digits::kOne};
constexpr WordRules kQwen35Rules = {.marks = true, .digits = Digits::kOne};
constexpr WordRules kO200kRules = {
    .contraction = Contraction::kAnyCaseSuffix, .cased = true, .tail = Tail::kNewlinesAndSlashes};
constexpr WordRules kO200kOneDigit = {.contraction = Contraction::kAnyCaseSuffix,
                                      .cased = true,
                                      .digits = Digits::kOne,
                                      .tail = Tail::kNewlinesAndSlashes};
constexpr WordRules kTekkenRules = {
    .contraction = Contraction::kNone, .cased = true, .digits = Digits::kOne, .tail = Tail::kNewlinesAndSlashes};

// [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|
// ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ matches nothing at digits, controls and unassigned characters that no
// letter follows. Returns `at` there.
const char* deepseek3_end(const char* at, const char* end) {
  Cursor cursor(at, end);
  if (cursor.code < 0x80 && cursor.is(kPunctuation | kSymbol)) {
    const char* letter = at + 1;
    while (letter != end && static_cast<unsigned char>(*letter) < 0x80 &&
           (detail::kAsciiClass[static_cast<unsigned char>(*letter)] & kLetter)) {
      ++letter;
    }
    if (letter != at + 1) return letter;
  }
  Cursor letters = cursor;
  if (!cursor.is(kLetter | kPunctuation | kSymbol) && !cursor.is_newline()) letters.next();
  if (!letters.is(kLetter | kMark) && cursor.is(kMark)) letters = cursor;
  if (letters.is(kLetter | kMark)) {
    while (letters.is(kLetter | kMark)) letters.next();
    return letters.at;
  }
  Cursor signs = cursor;
  if (*at == ' ') signs.next();
  if (signs.is(kPunctuation | kSymbol)) {
    while (signs.is(kPunctuation | kSymbol)) signs.next();
    while (signs.is_newline()) signs.next();
    return signs.at;
  }
  return cursor.is(kSpace) ? spaces_end(cursor, true) : at;
}

void scan_deepseek3(std::string_view text, Sink sink) {
  const char* end = text.data() + text.size();
  const char* gap = text.data();
  for (const char* at = text.data(); at != end;) {
    const char* word = deepseek3_end(at, end);
    if (word == at) {
      at += utf8_length(*at);
      continue;
    }
    if (gap != at) sink(between(gap, at));
    sink(between(at, word));
    gap = at = word;
  }
  if (gap != end) sink(between(gap, end));
}

/// Cuts [begin, end) into words of `size` characters after a first one of `first`.
void cut_groups(const char* begin, const char* end, size_t first, size_t size, Sink sink) {
  for (size_t want = first; begin != end; want = size) {
    const char* word = begin;
    for (size_t i = 0; i < want && word != end; ++i) word += utf8_length(*word);
    if (word != begin) sink(between(begin, word));
    begin = word;
  }
}

/// Cuts runs of members out of the text and into groups: group_size(run's end, its characters) says the first group's
/// size and the others'; {0, 0} leaves the run with what surrounds it.
template <typename IsMember, typename GroupSize>
void scan_runs(std::string_view text, Sink sink, IsMember is_member, GroupSize group_size) {
  const char* end = text.data() + text.size();
  const char* gap = text.data();
  for (Cursor cursor(gap, end); !cursor.done();) {
    if (!is_member(cursor)) {
      cursor.next();
      continue;
    }
    const char* begin = cursor.at;
    size_t count = 0;
    for (; !cursor.done() && is_member(cursor); cursor.next()) ++count;
    const auto [first, size] = group_size(cursor.at, count);
    if (size == 0) continue;
    if (gap != begin) sink(between(gap, begin));
    cut_groups(begin, cursor.at, first, size, sink);
    gap = cursor.at;
  }
  if (gap != end) sink(between(gap, end));
}

using GroupSizes = std::pair<size_t, size_t>;

bool is_number(const Cursor& cursor) { return cursor.is(kNumber); }
bool is_decimal(const Cursor& cursor) {
  return cursor.is(kNumber) && (cursor.code < 0x80 || category(cursor.code) == Category::kNd);
}

// \p{N} and \p{N}{1,3} and \p{N}+
void scan_number_each(std::string_view text, Sink sink) {
  scan_runs(text, sink, is_number, [](const char*, size_t) { return GroupSizes{1, 1}; });
}
void scan_numbers_by_three(std::string_view text, Sink sink) {
  scan_runs(text, sink, is_number, [](const char*, size_t) { return GroupSizes{3, 3}; });
}
void scan_number_runs(std::string_view text, Sink sink) {
  scan_runs(text, sink, is_number, [](const char*, size_t count) { return GroupSizes{count, count}; });
}

// \d{1,3}(?=(?:\d{3})*\b): groups of three from the right. A run that a letter follows has no word boundary at its end.
void scan_thousands(std::string_view text, Sink sink) {
  const char* text_end = text.data() + text.size();
  scan_runs(text, sink, is_decimal, [text_end](const char* end, size_t count) {
    return end != text_end && is_oniguruma_word(decode_utf8(end).code) ? GroupSizes{0, 0} : GroupSizes{count % 3, 3};
  });
}

// \p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N})): the same whatever follows.
void scan_number_thousands(std::string_view text, Sink sink) {
  scan_runs(text, sink, is_number, [](const char*, size_t count) { return GroupSizes{count % 3, 3}; });
}

// (?=(\d{3})+(?!\d)): the same places, but only as cuts between characters; what stands before the first stays
// together.
void scan_thousand_cuts(std::string_view text, Sink sink) {
  const char* word = text.data();
  const char* text_end = text.data() + text.size();
  const auto cut = [&](const char* at) {
    if (at != word) sink(between(word, at));
    word = at;
  };
  for (Cursor cursor(word, text_end); !cursor.done();) {
    const char* begin = cursor.at;
    size_t count = 0;
    for (; is_decimal(cursor); cursor.next()) ++count;
    for (; count >= 3; begin += utf8_length(*begin), --count) {
      if (count % 3 == 0) cut(begin);
    }
    if (begin == cursor.at) cursor.next();
  }
  cut(text_end);
}

// [^\n]+|[\n]+
void scan_lines(std::string_view text, Sink sink) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.size(), text[at] == '\n' ? text.find_first_not_of('\n', at) : text.find('\n', at));
    sink(text.substr(at, end - at));
    at = end;
  }
}

#define ORRERY_CONTRACTIONS R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"
#define ORRERY_CONTRACTIONS_TIKTOKEN R"('(?i:[sdmt]|ll|ve|re))"
#define ORRERY_SPACES R"(\s+(?!\S)|\s+)"
#define ORRERY_UPPER R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define ORRERY_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define ORRERY_CASED(suffix) ORRERY_UPPER "*" ORRERY_LOWER "+" suffix "|" ORRERY_UPPER "+" ORRERY_LOWER "*" suffix
#define ORRERY_SIGNS R"( ?[^\s\p{L}\p{N}]+)"

struct Known {
  std::string_view pattern;
  Scanner scanner;
};

constexpr Known kKnown[] = {
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", scan_words<kGpt2Rules>},
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))", scan_words<kGpt2Rules>},
    {R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", scan_words<kGpt2Rules>},
    {R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)", scan_words<kGpt2Rules>},
    {ORRERY_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)" ORRERY_SIGNS R"([\r\n]*|\s*[\r\n]+|)" ORRERY_SPACES,
     scan_words<kCl100kRules>},
    {ORRERY_CONTRACTIONS_TIKTOKEN
     R"(|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|)" ORRERY_SPACES,
     scan_words<kCl100kRules>},
    {ORRERY_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)" ORRERY_SIGNS R"([\r\n]*|\s*[\r\n]+|)" ORRERY_SPACES,
     scan_words<kQwen2Rules>},
    {ORRERY_CONTRACTIONS_TIKTOKEN
     R"(|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|)" ORRERY_SPACES,
     scan_words<kQwen2Rules>},
    {ORRERY_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+|)" ORRERY_SIGNS R"([\r\n]*|\s*[\r\n]+|)" ORRERY_SPACES,
     scan_words<kMiniCpm5Rules>},
    {ORRERY_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|)" ORRERY_SPACES,
     scan_words<kSeedCoderRules>},
    {R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)" ORRERY_SIGNS R"([\r\n]*|\s*[\r\n]+|)" ORRERY_SPACES,
     scan_words<kNoContraction>},
    {ORRERY_CONTRACTIONS
     R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|)" ORRERY_SPACES,
     scan_words<kQwen35Rules>},
    {ORRERY_CASED(ORRERY_CONTRACTIONS "?") R"(|\p{N}{1,3}|)" ORRERY_SIGNS R"([\r\n/]*|\s*[\r\n]+|)" ORRERY_SPACES,
     scan_words<kO200kRules>},
    {ORRERY_CASED(ORRERY_CONTRACTIONS "?") R"(|\p{N}|)" ORRERY_SIGNS R"([\r\n/]*|\s*[\r\n]+|)" ORRERY_SPACES,
     scan_words<kO200kOneDigit>},
    {ORRERY_CASED("") R"(|\p{N}|)" ORRERY_SIGNS R"([\r\n/]*|\s*[\r\n]+|)" ORRERY_SPACES, scan_words<kTekkenRules>},
    {R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|)" ORRERY_SPACES,
     scan_deepseek3},
    {R"(\p{N})", scan_number_each},
    {R"(\p{N}{1,3})", scan_numbers_by_three},
    {R"(\p{N}+)", scan_number_runs},
    {R"(\d{1,3}(?=(?:\d{3})*\b))", scan_thousands},
    {R"(\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N})))", scan_number_thousands},
    {R"((?=(\d{3})+(?!\d)))", scan_thousand_cuts},
    {R"([^\n]+|[\n]+)", scan_lines},
};

}  // namespace

Scanner find_scanner(std::string_view pattern) {
  const auto* found =
      std::find_if(std::begin(kKnown), std::end(kKnown), [=](const Known& k) { return k.pattern == pattern; });
  return found == std::end(kKnown) ? nullptr : found->scanner;
}

void scan_gpt2(std::string_view text, Sink sink) { scan_words<kGpt2Rules>(text, sink); }

Scanner find_scanner_of_both(Scanner first, Scanner second) {
  const bool gpt2 = second == scan_words<kGpt2Rules> || second == scan_gpt2;
  return first == scan_number_each && gpt2 ? scan_words<kDigitsGpt2Rules> : nullptr;
}

Scanner scanner_of_each_number() { return scan_number_each; }

}  // namespace orrery::text
