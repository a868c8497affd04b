#include "orrery/text/sampling/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/base/error.h"
#include "orrery/base/random.h"
#include "orrery/text/sampling/grammar.h"
#include "orrery/text/sampling/sampler_chain.h"

namespace orrery::text {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

void require(bool good, std::string_view option, const auto& found, std::string_view expected) {
  if (good) return;
  throw Error({.doing = "set up sampling",
               .where = std::string(option),
               .found = fmt::format("{}", found),
               .expected = std::string(expected)});
}

void check(const SamplingOptions& o, int64_t vocab) {
  require(std::isfinite(o.temperature), "temperature", o.temperature, "a finite number");
  require(o.top_p >= 0 && o.top_p <= 1, "top_p", o.top_p, "0 to 1");
  require(o.min_p >= 0 && o.min_p <= 1, "min_p", o.min_p, "0 to 1");
  require(std::isfinite(o.top_n_sigma), "top_n_sigma", o.top_n_sigma, "a finite number");
  require(o.typical_p >= 0 && o.typical_p <= 1, "typical_p", o.typical_p, "0 to 1");
  require(o.repeat_penalty > 0 && o.repeat_penalty < kInfinity, "repeat_penalty", o.repeat_penalty, "above 0");
  require(std::isfinite(o.frequency_penalty), "frequency_penalty", o.frequency_penalty, "a finite number");
  require(std::isfinite(o.presence_penalty), "presence_penalty", o.presence_penalty, "a finite number");
  require(o.penalty_last_n >= -1, "penalty_last_n", o.penalty_last_n, "-1 or more");
  require(o.dry_multiplier >= 0 && o.dry_multiplier < kInfinity, "dry_multiplier", o.dry_multiplier, "0 or more");
  require(o.dry_base >= 1 && o.dry_base < kInfinity, "dry_base", o.dry_base, "1 or more");
  require(o.dry_allowed_length >= 0, "dry_allowed_length", o.dry_allowed_length, "0 or more");
  require(o.dry_penalty_last_n >= -1, "dry_penalty_last_n", o.dry_penalty_last_n, "-1 or more");
  for (const auto& breaker : o.dry_sequence_breakers)
    require(!breaker.empty() && breaker.size() <= 40, "dry_sequence_breakers", fmt::format("{} bytes", breaker.size()),
            "1 to 40 bytes each");
  require(o.mirostat == 0 || o.mirostat == 2, "mirostat", o.mirostat, "0 or 2");
  require(o.mirostat_tau >= 0 && o.mirostat_tau < kInfinity, "mirostat_tau", o.mirostat_tau, "0 or more");
  require(o.mirostat_eta >= 0 && o.mirostat_eta < kInfinity, "mirostat_eta", o.mirostat_eta, "0 or more");
  for (const auto& [token, bias] : o.logit_bias) {
    require(token >= 0 && token < vocab, "logit_bias", fmt::format("token {}", token),
            fmt::format("0 to {}", vocab - 1));
    require(bias < kInfinity, fmt::format("logit_bias of token {}", token), bias, "a finite number or -inf");
  }
  require(o.min_keep >= 0, "min_keep", o.min_keep, "0 or more");
}

}  // namespace

struct Sampler::Impl {
  Impl(const SamplingOptions& options, const Tokenizer& tokenizer, std::unique_ptr<Grammar> g)
      : grammar(std::move(g)),
        random(options.seed ? *options.seed : random_seed(), "sampler"),
        chain(options, tokenizer) {}

  TokenId sample(std::span<float> logits, int32_t top, std::vector<TokenLogprob>* logprobs) {
    if (grammar) grammar->mask(logits);
    double log_sum = 0;
    if (logprobs) log_sum = likeliest(logits, top, *logprobs);
    const Candidate drawn = draw(chain.run(logits));
    if (logprobs) logprobs->front() = {drawn.id, float(chain.original_logit(drawn.id) - log_sum)};
    if (grammar) grammar->accept(drawn.id);
    chain.drawn(drawn);
    chain.accept(drawn.id);
    return drawn.id;
  }

  // Leaves the first place of `logprobs` for the token to be drawn. Returns the log of the sum of all exp(logit).
  double likeliest(std::span<const float> logits, int32_t top, std::vector<TokenLogprob>& logprobs) {
    scan_or_throw(scan, logits);
    const double log_sum = scan.max + std::log(sum_exp(logits, scan.max, 1));
    logprobs.assign(1, {});
    if (top <= 0) return log_sum;
    top_tokens.take_top_k(logits, scan, top, -std::numeric_limits<float>::infinity());
    for (const auto& c : top_tokens.items) logprobs.push_back({c.id, float(c.logit - log_sum)});
    return log_sum;
  }

  const Candidate& draw(const Candidates& candidates) {
    double left = random.uniform();
    for (const auto& candidate : candidates.items)
      if ((left -= candidate.p) < 0) return candidate;
    return candidates.likeliest();  // rounding left the sum a little below the draw
  }

  std::unique_ptr<Grammar> grammar;
  RandomStream random;
  SamplerChain chain;
  LogitScan scan;
  Candidates top_tokens;
};

Sampler::Sampler(const SamplingOptions& options, const Tokenizer& tokenizer, std::unique_ptr<Grammar> grammar) {
  check(options, tokenizer.size());
  impl_ = std::make_unique<Impl>(options, tokenizer, std::move(grammar));
}
Sampler::Sampler(Sampler&&) noexcept = default;
Sampler& Sampler::operator=(Sampler&&) noexcept = default;
Sampler::~Sampler() = default;

void Sampler::accept_prompt(std::span<const TokenId> tokens) {
  for (TokenId token : tokens) {
    require(token >= 0, "prompt", fmt::format("token {}", token), "0 or more");
    impl_->chain.accept(token);
  }
}

TokenId Sampler::sample(std::span<float> logits, int32_t top, std::vector<TokenLogprob>* logprobs) {
  return impl_->sample(logits, top, logprobs);
}

bool Sampler::finished() const { return impl_->grammar && impl_->grammar->must_end(); }

}  // namespace orrery::text
