#include <utility>

#include "orrery/text/tokenizer/normalizer.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

class SentencePieceNormalizer final : public Normalizer {
 public:
  explicit SentencePieceNormalizer(SentencePieceNorm norm)
      : norm_(std::move(norm)), space_(norm_.escape_whitespaces ? kMetaSpace : " ") {
    for (unsigned char byte = 0; byte < 128; ++byte)
      stays_[byte] =
          byte != ' ' && norm_.user_defined.empty() && (norm_.charsmap.empty() || norm_.charsmap.is_plain(byte));
  }

  void apply(std::string& text) const override {
    std::string_view rest = text;
    if (norm_.remove_extra_whitespaces) {
      while (!rest.empty()) {
        const auto [replacement, length] = next(rest);
        if (replacement != " ") break;
        rest.remove_prefix(length);
      }
    }
    std::string out;
    if (!rest.empty()) {
      out.reserve(text.size() + text.size() / 2 + space_.size());
      if (norm_.add_dummy_prefix && !norm_.whitespace_as_suffix) out += space_;
      append(rest, out);
      if (norm_.remove_extra_whitespaces) {
        while (out.ends_with(space_)) out.resize(out.size() - space_.size());
      }
      if (norm_.add_dummy_prefix && norm_.whitespace_as_suffix) out += space_;
    }
    text = std::move(out);
  }

 private:
  struct Step {
    std::string_view replacement;
    size_t length;
  };

  /// What the start of `rest` becomes, and how much of it.
  Step next(std::string_view rest) const {
    const auto byte = static_cast<unsigned char>(rest[0]);
    if (norm_.user_defined.empty() && byte < 128 && (rest.size() == 1 || static_cast<unsigned char>(rest[1]) < 128) &&
        (norm_.charsmap.empty() || norm_.charsmap.is_plain(byte))) {
      return {rest.substr(0, 1), 1};
    }
    if (const auto match = norm_.user_defined.longest(rest); match.length > 0) {
      return {rest.substr(0, match.length), match.length};
    }
    if (const auto match = norm_.charsmap.longest(rest)) return {match->replacement, match->length};
    const size_t length = utf8_length(rest[0]);
    return {rest.substr(0, length), length};
  }

  /// Bytes at the start of `rest` that are characters which stay as they are; a rule may begin with the one that a
  /// character of several bytes follows.
  size_t plain_run(std::string_view rest) const {
    size_t length = 0;
    while (length < rest.size() && stays_[static_cast<unsigned char>(rest[length])]) ++length;
    if (length > 0 && length < rest.size() && static_cast<unsigned char>(rest[length]) >= 128) --length;
    return length;
  }

  void append(std::string_view rest, std::string& out) const {
    bool after_space = norm_.remove_extra_whitespaces;
    while (!rest.empty()) {
      if (const size_t plain = plain_run(rest); plain > 0) {
        out += rest.substr(0, plain);
        rest.remove_prefix(plain);
        after_space = false;
        continue;
      }
      auto [replacement, length] = next(rest);
      rest.remove_prefix(length);
      while (after_space && replacement.starts_with(' ')) replacement.remove_prefix(1);
      if (replacement.empty()) continue;
      for (char c : replacement) {
        if (c == ' ') {
          out += space_;
        } else {
          out += c;
        }
      }
      after_space = norm_.remove_extra_whitespaces && replacement.ends_with(' ');
    }
  }

  SentencePieceNorm norm_;
  std::string_view space_;
  bool stays_[256] = {};
};

}  // namespace

NormalizerPtr make_sentencepiece_normalizer(SentencePieceNorm norm) {
  return std::make_unique<SentencePieceNormalizer>(std::move(norm));
}

}  // namespace orrery::text
