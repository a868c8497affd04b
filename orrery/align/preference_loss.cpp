#include "orrery/align/preference_loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "orrery/base/error.h"

namespace orrery::align {

namespace {

/// f'(π/π_ref) of the divergence, from the ratio's logarithm.
at::Tensor scores_of(const at::Tensor& log_ratio, const PreferenceOptions& options) {
  switch (options.divergence) {
    case Divergence::kReverseKl:
      return log_ratio;
    case Divergence::kForwardKl:
      return 1 - at::exp(-log_ratio);
    case Divergence::kJensenShannon:
      return M_LN2 + at::log_sigmoid(log_ratio);
    case Divergence::kAlpha: {
      const double power = options.alpha - 1;
      if (std::abs(power) < 1e-6) return log_ratio;  // the limit
      return at::expm1((power * log_ratio).clamp_max(80)) / power;
    }
  }
  return log_ratio;
}

/// -log σ(x), smoothed: the label is wrong with probability ε.
at::Tensor logistic(const at::Tensor& x, double smoothing) {
  return -(1 - smoothing) * at::log_sigmoid(x) - smoothing * at::log_sigmoid(-x);
}

at::Tensor sorted(const at::Tensor& x) { return std::get<0>(at::sort(x, 0)); }

struct Terms {
  at::Tensor chosen, rejected;  // log π / π_ref
  at::Tensor chosen_scores, rejected_scores, margin;
};

at::Tensor losses_of(PreferenceLoss loss, const Terms& t, const PairLogProbs& pairs, const PreferenceOptions& options) {
  const double beta = options.beta, smoothing = options.label_smoothing;
  const at::Tensor x = beta * t.margin;
  const auto margin_per_token = [&] {
    return t.chosen_scores / pairs.chosen_tokens.clamp_min(1) - t.rejected_scores / pairs.rejected_tokens.clamp_min(1);
  };
  switch (loss) {
    case PreferenceLoss::kSigmoid:
      return logistic(x, smoothing);
    case PreferenceLoss::kSigmoidNorm:
      return logistic(beta * margin_per_token(), smoothing);
    case PreferenceLoss::kHinge:
      return at::relu(1 - x);
    case PreferenceLoss::kIpo:
      return (margin_per_token() - 1 / (2 * beta)).square();
    case PreferenceLoss::kExoPair:
      return at::sigmoid(x) * (at::log_sigmoid(x) - std::log1p(-smoothing)) +
             at::sigmoid(-x) * (at::log_sigmoid(-x) - std::log(smoothing));
    case PreferenceLoss::kNcaPair:
      return -at::log_sigmoid(beta * t.chosen) - 0.5 * at::log_sigmoid(-beta * t.chosen) -
             0.5 * at::log_sigmoid(-beta * t.rejected);
    case PreferenceLoss::kRobust:
      return (-(1 - smoothing) * at::log_sigmoid(x) + smoothing * at::log_sigmoid(-x)) / (1 - 2 * smoothing);
    case PreferenceLoss::kBcoPair:
      return -at::log_sigmoid(beta * t.chosen) - at::log_sigmoid(-beta * t.rejected);
    case PreferenceLoss::kSppoHard:
      return (t.chosen - 0.5 / beta).square() + (t.rejected + 0.5 / beta).square();
    case PreferenceLoss::kAot:
      return logistic(beta * (sorted(pairs.policy_chosen - pairs.policy_rejected) -
                              sorted(pairs.reference_chosen - pairs.reference_rejected)),
                      smoothing);
    case PreferenceLoss::kAotUnpaired:
      return logistic(beta * (sorted(t.chosen) - sorted(t.rejected)), smoothing);
    case PreferenceLoss::kApoZero:
      return 1 - at::sigmoid(beta * t.chosen) + at::sigmoid(beta * t.rejected);
    case PreferenceLoss::kApoDown:
      return at::sigmoid(beta * t.chosen) + 1 - at::sigmoid(beta * (t.chosen - t.rejected));
    case PreferenceLoss::kDiscopop: {
      const at::Tensor share = at::sigmoid(x / options.discopop_tau);
      return -at::log_sigmoid(x) * (1 - share) + at::exp(-x) * share;
    }
    case PreferenceLoss::kSft:
      return -pairs.policy_chosen / (pairs.mean_chosen_tokens > 0
                                         ? pairs.mean_chosen_tokens
                                         : pairs.chosen_tokens.mean(at::kDouble).item<double>());
  }
  return {};
}

Terms terms_of(const PairLogProbs& pairs, const PreferenceOptions& options) {
  Terms t{pairs.policy_chosen, pairs.policy_rejected, {}, {}, {}};
  if (!options.reference_free) {
    t.chosen = t.chosen - pairs.reference_chosen;
    t.rejected = t.rejected - pairs.reference_rejected;
  }
  t.chosen_scores = scores_of(t.chosen, options);
  t.rejected_scores = scores_of(t.rejected, options);
  t.margin = t.chosen_scores - t.rejected_scores;
  return t;
}

}  // namespace

void check(const PreferenceOptions& options) {
  const auto refuse = [](const char* where, std::string found, std::string expected) {
    throw Error({.doing = "read a preference loss's options",
                 .where = where,
                 .found = std::move(found),
                 .expected = std::move(expected)});
  };
  if (options.losses.empty()) refuse("loss_type", "nothing", "one loss at least");
  if (!options.weights.empty() && options.weights.size() != options.losses.size())
    refuse("loss_weights", fmt::format("{} weights", options.weights.size()),
           fmt::format("one for each of {} losses", options.losses.size()));
  if (!(options.beta > 0)) refuse("beta", fmt::format("{}", options.beta), "more than 0");
  const auto has = [&](PreferenceLoss loss) { return std::ranges::count(options.losses, loss) > 0; };
  const double smoothing = options.label_smoothing;
  if (!(smoothing >= 0 && smoothing < 0.5))
    refuse("label_smoothing", fmt::format("{}", smoothing), "0 or more, and less than 0.5");
  if (has(PreferenceLoss::kExoPair) && smoothing == 0)
    refuse("label_smoothing", "0", "more than 0 with exo_pair, which takes its logarithm");
}

at::Tensor preference_losses(const PairLogProbs& pairs, const PreferenceOptions& options) {
  const Terms terms = terms_of(pairs, options);
  at::Tensor sum;
  for (size_t i = 0; i < options.losses.size(); ++i) {
    at::Tensor losses = losses_of(options.losses[i], terms, pairs, options);
    if (!options.weights.empty()) losses = options.weights[i] * losses;
    sum = sum.defined() ? sum + losses : losses;
  }
  return sum;
}

ImplicitRewards implicit_rewards(const PairLogProbs& pairs, const PreferenceOptions& options) {
  const Terms terms = terms_of(pairs, options);
  return {(options.beta * terms.chosen).detach(), (options.beta * terms.rejected).detach()};
}

}  // namespace orrery::align
