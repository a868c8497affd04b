// A grammar, a NUL, and bytes that choose among the tokens which it allows.
#include <array>

#include "orrery/base/error.h"
#include "orrery/text/sampling/grammar.h"
#include "tests/text/sampling/toy_tokenizer.h"

using namespace orrery::text;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ToyTokenizer tokenizer({"ab", "aa", "\"}", "é", "\xA9x", "12"}, {"<end>", "<a>"});
  static const auto trie = make_token_trie(tokenizer);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view choices = text.substr(std::min(text.size(), text.find('\0')));
  try {
    Grammar grammar = Grammar::from_gbnf(text.substr(0, text.size() - choices.size()), trie);
    for (char choice : choices) {
      std::array<float, 264> logits{};
      grammar.mask(std::span(logits).first(tokenizer.size()));
      TokenId token = uint8_t(choice);
      while (token < tokenizer.size() && logits[token] != 0) ++token;  // the next one allowed
      if (token == tokenizer.size()) continue;
      grammar.accept(token);
    }
  } catch (const orrery::Error&) {
  }
  return 0;
}
