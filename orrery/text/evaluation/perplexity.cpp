#include "orrery/text/evaluation/perplexity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "orrery/base/error.h"

namespace orrery::text {
namespace {

// Mean and the error of the mean, from sums.
struct Mean {
  double sum = 0, sum_of_squares = 0;
  int64_t count = 0;

  void add(double value) {
    sum += value;
    sum_of_squares += value * value;
    ++count;
  }
  double mean() const { return count > 0 ? sum / count : 0; }
  double error() const {
    if (count < 2) return 0;
    return std::sqrt(std::max(sum_of_squares / count - mean() * mean(), 0.0) / (count - 1));
  }
};

// logits [vocab] -> log(sum of exp), shifted by the largest so that nothing overflows.
double log_sum_exp(std::span<const float> logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

int64_t likeliest(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

// sum p (log p - log q), p exact.
double divergence(std::span<const float> exact, double exact_norm, std::span<const float> other, double other_norm) {
  double sum = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    const double log_p = exact[i] - exact_norm;
    const float p = std::exp(static_cast<float>(log_p));
    if (p > 0) sum += p * (log_p - (other[i] - other_norm));
  }
  return std::max(sum, 0.0);  // rounding can take a divergence of nothing below zero
}

// The exact model's logits at a chunk's scored positions.
struct ExactChunk {
  std::vector<std::vector<float>> logits;
  std::vector<double> norms;
};

struct Sums {
  Mean nll, exact_nll, kl;
  double largest_kl = 0;
  int64_t agreed = 0;
};

class Scorer {
 public:
  Scorer(const PerplexityOptions& options) : first_(options.context / 2), last_(options.context - 1) {}

  bool scored(int64_t position) const { return position >= first_ && position < last_; }

  // What the exact model says of the chunk that comes next.
  void remember(Engine& exact, std::span<const TokenId> chunk, Sums& sums) {
    exact_.logits.assign(static_cast<size_t>(last_ - first_), {});
    exact_.norms.assign(static_cast<size_t>(last_ - first_), 0);
    exact.score(chunk, [&](int64_t position, std::span<const float> logits) {
      if (!scored(position)) return;
      const auto slot = static_cast<size_t>(position - first_);
      exact_.logits[slot].assign(logits.begin(), logits.end());
      exact_.norms[slot] = log_sum_exp(logits);
      sums.exact_nll.add(exact_.norms[slot] - logits[chunk[position + 1]]);
    });
  }

  void score(Engine& engine, std::span<const TokenId> chunk, bool against_exact, Sums& sums) {
    engine.score(chunk, [&](int64_t position, std::span<const float> logits) {
      if (!scored(position)) return;
      const double norm = log_sum_exp(logits);
      sums.nll.add(norm - logits[chunk[position + 1]]);
      if (!against_exact) return;
      const auto slot = static_cast<size_t>(position - first_);
      const double kl = divergence(exact_.logits[slot], exact_.norms[slot], logits, norm);
      sums.kl.add(kl);
      sums.largest_kl = std::max(sums.largest_kl, kl);
      sums.agreed += likeliest(exact_.logits[slot]) == likeliest(logits);
    });
  }

 private:
  int64_t first_, last_;
  ExactChunk exact_;
};

int64_t chunks_to_score(const Engine& engine, int64_t tokens, const PerplexityOptions& options) {
  const auto refuse = [](std::string found, std::string expected) {
    return Error({.doing = "measure perplexity", .found = std::move(found), .expected = std::move(expected)});
  };
  if (options.context < 4) throw refuse(fmt::format("a context of {}", options.context), "at least 4 tokens");
  if (options.context > engine.options().context)
    throw refuse(fmt::format("a context of {}", options.context),
                 fmt::format("at most the engine's {}", engine.options().context));
  if (tokens < options.context)
    throw refuse(fmt::format("a text of {} tokens", tokens),
                 fmt::format("at least one chunk of {} (--context)", options.context));
  const int64_t there = tokens / options.context;
  return options.chunks < 0 ? there : std::min(options.chunks, there);
}

}  // namespace

PerplexityResult perplexity(Engine& engine, std::span<const TokenId> tokens, const PerplexityOptions& options,
                            Engine* exact, const std::function<void(int64_t, int64_t)>& progress) {
  const int64_t chunks = chunks_to_score(engine, static_cast<int64_t>(tokens.size()), options);
  const Tokenizer& tokenizer = engine.checkpoint().tokenizer();
  Scorer scorer(options);
  Sums sums;
  std::vector<TokenId> chunk;
  for (int64_t i = 0; i < chunks; ++i) {
    const auto part = tokens.subspan(static_cast<size_t>(i * options.context), static_cast<size_t>(options.context));
    chunk.assign(part.begin(), part.end());
    if (tokenizer.add_bos && tokenizer.bos) chunk.front() = *tokenizer.bos;
    if (exact != nullptr) scorer.remember(*exact, chunk, sums);
    scorer.score(engine, chunk, exact != nullptr, sums);
    if (progress) progress((i + 1) * options.context, chunks * options.context);
  }

  PerplexityResult result{.mean_nll = sums.nll.mean(), .tokens = sums.nll.count, .chunks = chunks};
  result.perplexity = std::exp(result.mean_nll);
  result.perplexity_error = result.perplexity * sums.nll.error();
  if (exact != nullptr)
    result.divergence =
        Divergence{.mean = sums.kl.mean(),
                   .mean_error = sums.kl.error(),
                   .largest = sums.largest_kl,
                   .top1_agreement = static_cast<double>(sums.agreed) / static_cast<double>(sums.kl.count),
                   .exact_perplexity = std::exp(sums.exact_nll.mean())};
  return result;
}

}  // namespace orrery::text
