// GBNF as a tree (llama.cpp, grammars/README.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/text/sampling/token_trie.h"

namespace orrery::text {

/// Code points as ascending, disjoint, inclusive ranges; never surrogates.
using CodePoints = std::vector<std::pair<uint32_t, uint32_t>>;

struct GbnfNode {
  enum class Kind { kLiteral, kChars, kRule, kToken, kSequence, kAlternatives, kRepeat };
  static constexpr uint32_t kNoMax = UINT32_MAX;

  Kind kind;
  uint32_t position = 0;           ///< in the text
  std::string literal;             ///< kLiteral: UTF-8
  CodePoints chars;                ///< kChars
  uint32_t rule = 0;               ///< kRule: index
  TokenId token = 0;               ///< kToken
  bool negated = false;            ///< kToken: any but this one
  uint32_t min = 0, max = kNoMax;  ///< kRepeat: of the one child
  std::vector<GbnfNode> children;
};

struct Gbnf {
  struct Rule {
    std::string name;
    uint32_t position = 0;
    GbnfNode body;
  };
  std::string text;
  std::vector<Rule> rules;
  uint32_t root = 0;
};

/// Throws Error with line and column: syntax, undefined rules, a rule defined twice, tokens that are not in the
/// vocabulary, groups nested deeper than 200.
Gbnf parse_gbnf(std::string_view text, const TokenTrie& trie, std::string_view root);

/// Throws Error for a place in the text.
[[noreturn]] void gbnf_error(std::string_view text, size_t position, std::string found, std::string expected = {},
                             std::string advice = {});

/// The code point that starts at `position`, which is moved past it; UINT32_MAX, position unmoved, for bytes that are
/// no UTF-8.
uint32_t read_code_point(std::string_view text, size_t& position);
void append_utf8(std::string& out, uint32_t code_point);

/// Sorts, merges and removes surrogates.
CodePoints normalized(CodePoints ranges);
CodePoints complement(const CodePoints& ranges);

}  // namespace orrery::text
