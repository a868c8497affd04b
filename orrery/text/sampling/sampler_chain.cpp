#include "orrery/text/sampling/sampler_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/base/error.h"

namespace orrery::text {

SamplerChain::SamplerChain(const SamplingOptions& o, const Tokenizer& tokenizer)
    : options_(o),
      penalties_(o.penalty_last_n, o.repeat_penalty, o.frequency_penalty, o.presence_penalty),
      dry_({o.dry_multiplier, o.dry_base, o.dry_allowed_length, o.dry_penalty_last_n}, o.dry_sequence_breakers,
           tokenizer),
      mirostat_mu_(2 * o.mirostat_tau) {}

void SamplerChain::accept(TokenId token) {
  penalties_.accept(token);
  dry_.accept(token);
}

const Candidates& SamplerChain::run(std::span<float> logits) {
  edited_.start(logits);
  for (const auto& [token, bias] : options_.logit_bias)
    if (size_t(token) < logits.size()) edited_.set(token, edited_.get(token) + bias);
  penalties_.apply(edited_);
  dry_.apply(edited_);
  scan_or_throw(scan_, logits);
  const bool greedy = options_.temperature <= 0;
  if (greedy && (options_.typical_p >= 1 || options_.mirostat == 2)) {
    take_likeliest(logits);
  } else if (options_.mirostat == 2) {
    truncate_surprise(logits);
  } else {
    filter(logits);
    if (greedy) candidates_.items = {candidates_.likeliest()};
  }
  if (!greedy) candidates_.temperature(options_.temperature);
  candidates_.softmax();
  return candidates_;
}

void SamplerChain::take_likeliest(std::span<const float> logits) {
  candidates_.items.assign(1, {scan_.argmax(logits), scan_.max, 1});
  candidates_.sorted = true;
}

void SamplerChain::filter(std::span<const float> logits) {
  float floor = -std::numeric_limits<float>::infinity();
  if (options_.top_n_sigma > 0) floor = scan_.max - options_.top_n_sigma * float(moments(logits).deviation);
  if (options_.top_k > 0)
    candidates_.take_top_k(logits, scan_, options_.top_k, floor);
  else
    candidates_.take_all(logits, scan_, std::max(floor, min_p_alone()));
  candidates_.typical(options_.typical_p, options_.min_keep);
  candidates_.top_p(options_.top_p, options_.min_keep);
  candidates_.min_p(options_.min_p, options_.min_keep);
}

// What min-p will cut off when no filter stands before it: no need to collect that.
float SamplerChain::min_p_alone() const {
  const bool alone = options_.typical_p >= 1 && options_.top_p >= 1 && options_.min_keep <= 1;
  return alone ? scan_.max + std::log(options_.min_p) : -std::numeric_limits<float>::infinity();
}

// Mirostat 2.0 (Basu et al. 2021, alg. 2): a surprise -log2 p above mu is cut off.
void SamplerChain::truncate_surprise(std::span<const float> logits) {
  const float t = options_.temperature;
  const double log_sum = std::log(sum_exp(logits, scan_.max, 1 / t));
  const double cut = scan_.max + t * (log_sum - mirostat_mu_ * std::log(2.0));
  candidates_.take_all(logits, scan_, std::min(float(cut), scan_.max));
}

void SamplerChain::drawn(const Candidate& candidate) {
  if (options_.mirostat != 2) return;
  mirostat_mu_ -= options_.mirostat_eta * (-std::log2(candidate.p) - options_.mirostat_tau);
}

void scan_or_throw(LogitScan& scan, std::span<const float> logits) {
  scan.run(logits);
  if (std::isfinite(scan.max)) return;
  throw Error({.doing = "draw a token",
               .where = "logits",
               .found = fmt::format("a largest value of {}", scan.max),
               .expected = "at least one finite logit",
               .advice = "a grammar or a bias may have forbidden every token"});
}

}  // namespace orrery::text
