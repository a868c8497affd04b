#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/text/sampling/grammar.h"
#include "tests/text/sampling/toy_tokenizer.h"

namespace orrery::text {

inline const char* kJsonGrammar = R"(root ::= object
value ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}
)";

/// Pieces that cross the borders of symbols, rules and characters.
inline ToyTokenizer tokenizer_with_pieces() {
  return ToyTokenizer(
      {"ab",  "abc", "abab",  "bc",       "aa",       "aaa",  "aaab",     "bb",       "ba",    "x(",     "x)",
       ")(",  "))",  "((",    "1+",       "+(",       "\"}",  "\":",      "\",\"",    "{\"",   "\": \"", "[1",
       "1]",  "]}",  "],[",   "12",       ".5",       "e1",   "tru",      "true,",    "null}", "\n  ",   "\\u00",
       "\\n", "é",   "\xA9x", "\xE6\x97", "\xA5\xE6", "日本", "\xF0\x9F", "\x98\x80", "a\"",   "ing ",   " the"});
}

inline bool accepted(Grammar& grammar, TokenId token) {
  try {
    grammar.accept(token);
    return true;
  } catch (const Error&) {
    return false;
  }
}

inline std::vector<bool> allowed_tokens(Grammar& grammar, const Tokenizer& tokenizer) {
  std::vector<float> logits(tokenizer.size(), 1.0f);
  grammar.mask(logits);
  std::vector<bool> allowed(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) allowed[i] = logits[i] == 1.0f;
  return allowed;
}

inline std::optional<TokenId> random_allowed(const std::vector<bool>& allowed, TokenId except, std::mt19937& random) {
  std::vector<TokenId> ids;
  for (size_t i = 0; i < allowed.size(); ++i)
    if (allowed[i] && TokenId(i) != except) ids.push_back(TokenId(i));
  if (ids.empty()) return std::nullopt;
  return ids[random() % ids.size()];
}

/// A random text that the masks lead to, drawn towards closing after 40 tokens; nothing when it has not ended after
/// 400.
inline std::optional<std::string> random_text(Grammar grammar, const Tokenizer& tokenizer, std::mt19937& random) {
  std::string text;
  for (int step = 0; step < 400; ++step) {
    if (grammar.must_end() || (grammar.may_end() && random() % 4 == 0)) return text;
    const auto allowed = allowed_tokens(grammar, tokenizer);
    auto token = random_allowed(allowed, *tokenizer.eos, random);
    if (step > 40)
      for (char closing : {'}', ']', '"'})
        if (allowed[uint8_t(closing)]) token = uint8_t(closing);
    if (!token) {
      ADD_FAILURE() << "no way on after " << text;
      return std::nullopt;
    }
    grammar.accept(*token);
    text += tokenizer.bytes(*token, false);
  }
  return std::nullopt;
}

/// True when the grammar matches all of the text, however it is cut into tokens: byte by byte and five random ways,
/// which must agree.
inline bool accepts(const Grammar& grammar, const Tokenizer& tokenizer, std::string_view text, std::mt19937& random) {
  std::optional<bool> answer;
  for (int way = 0; way < 6; ++way) {
    Grammar copy = grammar;
    bool good = true;
    for (std::string_view rest = text; good && !rest.empty();) {
      std::vector<TokenId> fitting = {uint8_t(rest[0])};
      if (way > 0)
        for (TokenId id = 256; id < tokenizer.size(); ++id)
          if (!tokenizer.is_special(id) && rest.starts_with(tokenizer.bytes(id))) fitting.push_back(id);
      const TokenId id = fitting[random() % fitting.size()];
      good = accepted(copy, id);
      rest.remove_prefix(tokenizer.bytes(id).size());
    }
    good = good && copy.may_end();
    if (answer && *answer != good) ADD_FAILURE() << "the answer depends on the tokens: " << text;
    answer = good;
  }
  return *answer;
}

inline void expect_error(const std::function<void()>& run, const std::string& expected, const std::string& what) {
  try {
    run();
    ADD_FAILURE() << "no error for " << what;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(expected), std::string::npos) << error.what() << "\nfor " << what;
  }
}

}  // namespace orrery::text
