#include "orrery/text/sampling/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/base/error.h"
#include "orrery/base/random.h"
#include "orrery/text/sampling/candidates.h"
#include "orrery/text/sampling/grammar.h"
#include "orrery/text/sampling/history.h"

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

Dry::Options dry_options(const SamplingOptions& o) {
  return {o.dry_multiplier, o.dry_base, o.dry_allowed_length, o.dry_penalty_last_n};
}

}  // namespace

struct Sampler::Impl {
  Impl(const SamplingOptions& o, const Tokenizer& tokenizer, std::unique_ptr<Grammar> g)
      : options(o),
        grammar(std::move(g)),
        random(o.seed ? *o.seed : random_seed(), "sampler"),
        penalties(o.penalty_last_n, o.repeat_penalty, o.frequency_penalty, o.presence_penalty),
        dry(dry_options(o), o.dry_sequence_breakers, tokenizer),
        mirostat_mu(2 * o.mirostat_tau) {}

  void accept(TokenId token) {
    penalties.accept(token);
    dry.accept(token);
  }

  TokenId sample(std::span<float> logits, int32_t top, std::vector<TokenLogprob>* logprobs) {
    if (grammar) grammar->mask(logits);
    double log_sum = 0;
    if (logprobs) {
      scan_logits(logits);
      log_sum = scan.max + std::log(sum_exp(logits, scan.max, 1));
      logprobs->assign(1, {});
      if (top > 0) {
        candidates.take_top_k(logits, scan, top, -kInfinity);
        for (const auto& c : candidates.items) logprobs->push_back({c.id, float(c.logit - log_sum)});
      }
    }
    edited.start(logits);
    for (const auto& [token, bias] : options.logit_bias)
      if (size_t(token) < logits.size()) edited.set(token, edited.get(token) + bias);
    penalties.apply(edited);
    dry.apply(edited);
    scan_logits(logits);
    const TokenId token = draw(logits);
    if (logprobs) logprobs->front() = {token, float(edited.original(token) - log_sum)};
    if (grammar) grammar->accept(token);
    accept(token);
    return token;
  }

  void scan_logits(std::span<const float> logits) {
    scan.run(logits);
    if (!std::isfinite(scan.max))
      throw Error({.doing = "draw a token",
                   .where = "logits",
                   .found = fmt::format("a largest value of {}", scan.max),
                   .expected = grammar ? "a token that the grammar allows" : "a finite number"});
  }

  TokenId draw(std::span<const float> logits) {
    const bool greedy = options.temperature <= 0;
    if (greedy && (options.typical_p >= 1 || options.mirostat == 2)) return scan.argmax(logits);
    if (options.mirostat == 2) return draw_mirostat(logits);

    float floor = -kInfinity;
    if (options.top_n_sigma > 0) floor = scan.max - options.top_n_sigma * float(moments(logits).deviation);
    if (options.top_k > 0)
      candidates.take_top_k(logits, scan, options.top_k, floor);
    else
      candidates.take_all(logits, floor);
    candidates.typical(options.typical_p, options.min_keep);
    candidates.top_p(options.top_p, options.min_keep);
    candidates.min_p(options.min_p, options.min_keep);
    if (greedy) return candidates.likeliest().id;
    candidates.temperature(options.temperature);
    candidates.softmax();
    return draw_candidate().id;
  }

  const Candidate& draw_candidate() {
    double left = random.uniform();
    for (const auto& candidate : candidates.items)
      if ((left -= candidate.p) < 0) return candidate;
    return candidates.likeliest();  // rounding left the sum a little below the draw
  }

  // Basu et al. 2021, sec. 3 with the truncation of version 2: surprise -log2 p above mu is cut off; mu follows the
  // error of what was drawn.
  TokenId draw_mirostat(std::span<const float> logits) {
    const float t = options.temperature;
    const double log_sum = std::log(sum_exp(logits, scan.max, 1 / t));
    const double cut = scan.max + t * (log_sum - mirostat_mu * std::log(2.0));
    candidates.take_all(logits, std::min(float(cut), scan.max));
    candidates.temperature(t);
    candidates.softmax();
    const Candidate& drawn = draw_candidate();
    mirostat_mu -= options.mirostat_eta * (-std::log2(drawn.p) - options.mirostat_tau);
    return drawn.id;
  }

  SamplingOptions options;
  std::unique_ptr<Grammar> grammar;
  RandomStream random;
  Penalties penalties;
  Dry dry;
  float mirostat_mu;
  EditedLogits edited;
  LogitScan scan;
  Candidates candidates;
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
    impl_->accept(token);
  }
}

TokenId Sampler::sample(std::span<float> logits, int32_t top, std::vector<TokenLogprob>* logprobs) {
  return impl_->sample(logits, top, logprobs);
}

bool Sampler::finished() const { return impl_->grammar && impl_->grammar->must_end(); }

}  // namespace orrery::text
