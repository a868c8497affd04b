// Regular expressions of tokenizer.json: Oniguruma's dialect (Ruby syntax) run by PCRE2.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace orrery::text {

/// The same expression in PCRE2's dialect. What differs: \s, \w, \d, \h and \b mean Unicode's properties, character
/// classes nest and intersect ([a&&[^b]]), and (?m) is PCRE2's (?s). Throws Error for what has no counterpart.
std::string pcre2_from_oniguruma(std::string_view pattern);

/// A compiled expression; immutable, safe from many threads. Matching is bounded: a pattern that backtracks without end
/// throws Error.
class Regex {
 public:
  /// Throws Error naming the pattern and the place where it is wrong.
  explicit Regex(std::string_view pattern);
  const std::string& pattern() const { return pattern_; }

  /// Finds matches from left to right as Oniguruma's search does: an empty match right after a match is skipped.
  /// Characters newer than PCRE2's tables are matched by their stand-ins (unicode.h). `text` must be UTF-8 and outlive
  /// the search.
  class Search {
   public:
    Search(const Regex& regex, std::string_view text);
    /// Moves to the next match; false when there is none.
    bool next();
    size_t begin() const { return begin_; }
    size_t end() const { return end_; }

   private:
    const Regex* regex_;
    std::string shadow_;
    std::string_view text_;
    size_t at_ = 0, begin_ = 0, end_ = 0;
    bool matched_before_ = false;
  };

 private:
  bool find(std::string_view text, size_t from, size_t& begin, size_t& end) const;

  std::string pattern_;
  std::shared_ptr<void> code_;  // pcre2_code
};

}  // namespace orrery::text
