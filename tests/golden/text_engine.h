// What the golden tests ask of an engine.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "orrery/text/engine/engine.h"

namespace orrery::text::golden {

/// Logits of every position, [tokens * vocab_size].
inline std::vector<float> score(Engine& engine, std::span<const TokenId> tokens, const ImagePatches& patches = {},
                                std::span<const AdapterUse> adapters = {}) {
  std::vector<float> all;
  const auto append = [&](int64_t position, std::span<const float> logits) {
    EXPECT_EQ(position * int64_t(logits.size()), int64_t(all.size())) << "positions come in order";
    all.insert(all.end(), logits.begin(), logits.end());
  };
  engine.score(tokens, append, patches, adapters);
  return all;
}

/// Sum and count of -log p(next label) over a row's positions, labels of `ignored` left out.
struct Loss {
  double sum = 0;
  int64_t count = 0;

  void add(std::span<const float> logits, std::span<const int32_t> labels, int32_t ignored) {
    const size_t vocab = logits.size() / labels.size();
    for (size_t t = 0; t + 1 < labels.size(); ++t) {
      if (labels[t + 1] == ignored) continue;
      const auto here = logits.subspan(t * vocab, vocab);
      double total = 0;
      for (float logit : here) total += std::exp(double(logit));
      sum += std::log(total) - here[labels[t + 1]];
      ++count;
    }
  }
  double mean() const { return sum / double(count); }
};

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
