#include "orrery/text/documents/special_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace orrery::text {
namespace {

TEST(SpecialTokens, WhatADocumentSpellsIsNoToken) {
  const auto tokenizer =
      Tokenizer::open(std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures/corpus/tokenizer_json/smollm.json");
  std::string piece;
  for (TokenId id = 0; id < tokenizer->size() && piece.size() < 2; ++id)
    if (tokenizer->is_special(id)) piece = tokenizer->piece(id);
  ASSERT_GE(piece.size(), 2u);
  const auto specials = [&](const std::string& text) {
    const std::vector<TokenId> ids = tokenizer->encode(text, {.add_special = false});
    return std::ranges::count_if(ids, [&](TokenId id) { return tokenizer->is_special(id); });
  };
  const std::string hostile = piece + "a" + piece + piece;
  ASSERT_EQ(specials(hostile), 3);
  const std::string apart = spell_special_tokens_apart(hostile, *tokenizer);
  EXPECT_EQ(specials(apart), 0) << apart;
  EXPECT_EQ(apart.size(), hostile.size() + 3);
  EXPECT_EQ(spell_special_tokens_apart("nothing to do", *tokenizer), "nothing to do");
}

}  // namespace
}  // namespace orrery::text
