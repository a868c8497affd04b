// What the golden tests ask of an engine.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "orrery/text/engine/engine.h"

namespace orrery::text::golden {

/// Logits of every position, [tokens * vocab_size].
inline std::vector<float> score(Engine& engine, std::span<const TokenId> tokens, const ImagePatches& patches = {}) {
  std::vector<float> all;
  engine.score(
      tokens,
      [&](int64_t position, std::span<const float> logits) {
        EXPECT_EQ(position * int64_t(logits.size()), int64_t(all.size())) << "positions come in order";
        all.insert(all.end(), logits.begin(), logits.end());
      },
      patches);
  return all;
}

/// The `count` likeliest tokens after the prompt, past any end of an answer. Streamed where the model has a tokenizer
/// (a stream is text); else each is the likeliest after the scores of all before it.
inline std::vector<TokenId> greedy(Engine& engine, std::vector<TokenId> prompt, int64_t count) {
  std::vector<TokenId> tokens;
  if (!engine.checkpoint().has_tokenizer()) {
    for (; int64_t(tokens.size()) < count; prompt.push_back(tokens.back())) {
      const std::vector<float> logits = score(engine, prompt);
      const auto last = std::span(logits).last(size_t(engine.checkpoint().spec().vocab_size));
      tokens.push_back(TokenId(std::ranges::max_element(last) - last.begin()));
    }
    return tokens;
  }
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = count;
  request.ignore_eos = true;
  Stream stream = engine.submit(std::move(request));
  for (StreamEvent event; stream.next(event);) {
    EXPECT_EQ(event.error, "");
    if (event.token >= 0) tokens.push_back(event.token);
  }
  return tokens;
}

}  // namespace orrery::text::golden
