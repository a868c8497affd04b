#include "orrery/text/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#include "orrery/text/tokenizer/byte_level.h"
#include "orrery/text/tokenizer/crate_characters.h"
#include "orrery/text/tokenizer/delimiters.h"
#include "orrery/text/tokenizer/normalizer.h"
#include "orrery/text/tokenizer/regex.h"
#include "orrery/text/tokenizer/scanner.h"
#include "orrery/text/tokenizer/unicode.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<PreTokenizerPtr> stages) : stages_(std::move(stages)) {}
  void split(Part part, PartSink sink) const override { split_from(0, part, sink); }

 private:
  void split_from(size_t stage, Part part, PartSink sink) const {
    if (stage == stages_.size()) {
      sink(part);
    } else if (stage + 1 == stages_.size()) {
      stages_[stage]->split(part, sink);
    } else {
      stages_[stage]->split(part, [&](Part next) { split_from(stage + 1, next, sink); });
    }
  }

  std::vector<PreTokenizerPtr> stages_;
};

void scan(Scanner scanner, Part part, PartSink sink) {
  scanner(part.text, [&](std::string_view word) { sink({word, part.at_start && word.data() == part.text.data()}); });
}

class ScannerSplit final : public PreTokenizer {
 public:
  explicit ScannerSplit(Scanner scanner) : scanner_(scanner) {}
  void split(Part part, PartSink sink) const override { scan(scanner_, part, sink); }
  Scanner scanner() const { return scanner_; }

 private:
  Scanner scanner_;
};

class RegexSplit final : public PreTokenizer {
 public:
  RegexSplit(std::string_view pattern, SplitBehavior behavior, bool invert)
      : regex_(pattern), behavior_(behavior), invert_(invert) {}
  void split(Part part, PartSink sink) const override {
    DelimiterSink parts(part, behavior_, invert_, sink);
    size_t at = 0;
    for (Regex::Search search(regex_, part.text); search.next(); at = search.end()) {
      if (at != search.begin()) parts.add(at, search.begin(), false);
      parts.add(search.begin(), search.end(), true);
    }
    if (at != part.text.size()) parts.add(at, part.text.size(), false);
    parts.finish();
  }

 private:
  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
};

/// Every character of a kind is a delimiter of its own.
template <typename IsDelimiter>
class CharacterSplit final : public PreTokenizer {
 public:
  CharacterSplit(IsDelimiter is_delimiter, SplitBehavior behavior) : is_delimiter_(is_delimiter), behavior_(behavior) {}
  void split(Part part, PartSink sink) const override {
    DelimiterSink parts(part, behavior_, false, sink);
    size_t begin = 0;
    for (size_t at = 0; at < part.text.size();) {
      const Utf8Char character = decode_utf8(part.text.data() + at);
      if (is_delimiter_(character.code)) {
        if (begin != at) parts.add(begin, at, false);
        begin = at + character.length;
        parts.add(at, begin, true);
      }
      at += character.length;
    }
    if (begin != part.text.size()) parts.add(begin, part.text.size(), false);
    parts.finish();
  }

 private:
  IsDelimiter is_delimiter_;
  SplitBehavior behavior_;
};

template <typename IsDelimiter>
PreTokenizerPtr make_character_split(IsDelimiter is_delimiter, SplitBehavior behavior) {
  return std::make_unique<CharacterSplit<IsDelimiter>>(is_delimiter, behavior);
}

bool is_number_code(char32_t code) { return (char_class(code) & kNumber) != 0; }

class ByteLevel final : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex, bool maps_bytes)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex), maps_bytes_(maps_bytes) {}

  /// It does no more than cut as GPT-2.
  bool only_scans() const { return use_regex_ && !maps_bytes_ && !add_prefix_space_; }

  void split(Part part, PartSink sink) const override {
    std::string spaced;
    if (add_prefix_space_ && !part.text.starts_with(' ')) {
      spaced = ' ';
      spaced += part.text;
      part.text = spaced;
    }
    if (!maps_bytes_) {
      cut(part, sink);
      return;
    }
    std::string mapped;
    cut(part, [&](Part word) {
      mapped.clear();
      append_byte_level(mapped, word.text);
      sink({mapped, word.at_start});
    });
  }

 private:
  void cut(Part part, PartSink sink) const {
    if (use_regex_) {
      scan(scan_gpt2, part, sink);
    } else {
      sink(part);
    }
  }

  bool add_prefix_space_, use_regex_, maps_bytes_;
};

class ByteLevelBytes final : public PreTokenizer {
 public:
  void split(Part part, PartSink sink) const override {
    std::string bytes;
    if (append_byte_level_bytes(bytes, part.text)) {
      sink({bytes, part.at_start});
    } else {
      sink(part);
    }
  }
};

class Metaspace final : public PreTokenizer {
 public:
  Metaspace(std::string_view replacement, Prepend prepend, bool split)
      : replacement_(replacement), prepend_(prepend), split_(split) {}

  void split(Part part, PartSink sink) const override {
    std::string text;
    text.reserve(part.text.size() + part.text.size() / 2 + replacement_.size());
    const bool prepends = prepend_ == Prepend::kAlways || (prepend_ == Prepend::kFirst && part.at_start);
    if (prepends && !part.text.starts_with(' ') && !part.text.starts_with(replacement_)) text += replacement_;
    for (char c : part.text) {
      if (c == ' ') {
        text += replacement_;
      } else {
        text += c;
      }
    }
    part.text = text;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = split_ ? std::min(text.size(), text.find(replacement_, begin + 1)) : text.size();
      sink({part.text.substr(begin, end - begin), part.at_start && begin == 0});
      begin = end;
    }
  }

 private:
  std::string replacement_;
  Prepend prepend_;
  bool split_;
};

class FixedLength final : public PreTokenizer {
 public:
  explicit FixedLength(int64_t characters) : characters_(characters) {}
  void split(Part part, PartSink sink) const override {
    for (size_t begin = 0; begin < part.text.size();) {
      size_t end = begin;
      for (int64_t i = 0; i < characters_ && end < part.text.size(); ++i) end += utf8_length(part.text[end]);
      sink({part.text.substr(begin, end - begin), part.at_start && begin == 0});
      begin = end;
    }
  }

 private:
  int64_t characters_;
};

/// \w+|[^\w\s]+ with Rust's \w.
class Whitespace final : public PreTokenizer {
 public:
  void split(Part part, PartSink sink) const override {
    size_t begin = 0;
    int before = kBetween;
    for (size_t at = 0;;) {
      const bool done = at == part.text.size();
      const Utf8Char character = done ? Utf8Char{' ', 1} : decode_utf8(part.text.data() + at);
      const int kind = kind_of(character.code);
      if (kind != before || done) {
        if (before != kBetween) sink({part.text.substr(begin, at - begin), part.at_start && begin == 0});
        begin = at;
        before = kind;
      }
      if (done) return;
      at += character.length;
    }
  }

 private:
  enum { kBetween, kWord, kOther };
  static int kind_of(char32_t code) {
    if (is_space(code)) return kBetween;
    return is_rust_word(code) ? kWord : kOther;
  }
};

/// The scanner that is all a stage does, or nullptr.
Scanner scanner_of(const PreTokenizer& stage) {
  if (const auto* split = dynamic_cast<const ScannerSplit*>(&stage)) return split->scanner();
  const auto* bytes = dynamic_cast<const ByteLevel*>(&stage);
  return bytes && bytes->only_scans() ? scan_gpt2 : nullptr;
}

}  // namespace

PreTokenizerPtr make_sequence(std::vector<PreTokenizerPtr> stages) {
  for (size_t i = 0; i + 1 < stages.size(); ++i) {
    const Scanner first = scanner_of(*stages[i]), second = scanner_of(*stages[i + 1]);
    const Scanner both = first && second ? find_scanner_of_both(first, second) : nullptr;
    if (!both) continue;
    stages[i] = std::make_unique<ScannerSplit>(both);
    stages.erase(stages.begin() + static_cast<ptrdiff_t>(i) + 1);
  }
  if (stages.size() == 1) return std::move(stages[0]);
  return std::make_unique<PreTokenizerSequence>(std::move(stages));
}

PreTokenizerPtr make_split(std::string_view pattern, SplitBehavior behavior, bool invert) {
  const bool isolates = behavior == SplitBehavior::kIsolated;
  if (const Scanner scanner = isolates ? find_scanner(pattern) : nullptr)
    return std::make_unique<ScannerSplit>(scanner);
  return std::make_unique<RegexSplit>(pattern, behavior, invert);
}

PreTokenizerPtr make_byte_level(bool add_prefix_space, bool use_regex, bool maps_bytes) {
  return std::make_unique<ByteLevel>(add_prefix_space, use_regex, maps_bytes);
}
PreTokenizerPtr make_byte_level_bytes() { return std::make_unique<ByteLevelBytes>(); }

PreTokenizerPtr make_digits(bool individual) {
  if (individual) return std::make_unique<ScannerSplit>(scanner_of_each_number());
  return make_character_split(is_number_code, SplitBehavior::kContiguous);
}
PreTokenizerPtr make_punctuation(SplitBehavior behavior) {
  return make_character_split(is_crate_punctuation, behavior);
}
PreTokenizerPtr make_whitespace() { return std::make_unique<Whitespace>(); }
PreTokenizerPtr make_whitespace_split() { return make_character_split(is_space, SplitBehavior::kRemoved); }

PreTokenizerPtr make_bert() {
  std::vector<PreTokenizerPtr> stages;
  stages.push_back(make_whitespace_split());
  stages.push_back(make_punctuation(SplitBehavior::kIsolated));
  return make_sequence(std::move(stages));
}

PreTokenizerPtr make_char_delimiter(std::string_view delimiter) {
  const char32_t code = decode_utf8(delimiter.data()).code;
  return make_character_split([code](char32_t c) { return c == code; }, SplitBehavior::kRemoved);
}

PreTokenizerPtr make_fixed_length(int64_t characters) { return std::make_unique<FixedLength>(characters); }

PreTokenizerPtr make_metaspace(std::string_view replacement, Prepend prepend, bool split) {
  return std::make_unique<Metaspace>(replacement, prepend, split);
}

}  // namespace orrery::text
