// What pairs of answers say about a policy: DPO and its kin.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

namespace orrery::align {

/// TRL's names; where each comes from stands beside it.
enum class PreferenceLoss {
  kSigmoid,  ///< Rafailov et al. 2023, "Direct Preference Optimization", eq. 7; label_smoothing: cDPO (Mitchell 2023)
  kSigmoidNorm,  ///< the same of log-ratios per token
  kHinge,        ///< Zhao et al. 2023, "SLiC-HF"
  kIpo,          ///< Azar et al. 2023, eq. 17, of log-ratios per token, as its authors compute it
  kExoPair,      ///< Ji et al. 2024, "Towards Efficient Exact Optimization", eq. 16
  kNcaPair,      ///< Chen et al. 2024, "Noise Contrastive Alignment"
  kRobust,       ///< Chowdhury et al. 2024, "Provably Robust DPO"
  kBcoPair,      ///< Jung et al. 2024, "Binary Classifier Optimization", without its running mean
  kSppoHard,     ///< Wu et al. 2024, "Self-Play Preference Optimization", with P of 1 and 0
  kAot,          ///< Melnyk et al. 2024, "Distributional Preference Alignment via Optimal Transport"
  kAotUnpaired,  ///< the same where the answers are no pairs
  kApoZero,      ///< D'Oosterlinck et al. 2024, "Anchored Preference Optimization", eq. 7
  kApoDown,      ///< eq. 8
  kDiscopop,     ///< Lu et al. 2024, "Discovering Preference Optimization Algorithms", eq. 5
  kSft,          ///< -log p of the chosen answers' tokens
};

/// Throws Error listing the names when there is none such.
PreferenceLoss preference_loss_from_name(std::string_view name);
std::string_view name(PreferenceLoss loss);

enum class Divergence { kReverseKl, kForwardKl, kJensenShannon, kAlpha };

struct PreferenceOptions {
  std::vector<PreferenceLoss> losses = {PreferenceLoss::kSigmoid};
  std::vector<double> weights;  ///< of each; empty: 1
  double beta = 0.1;
  double label_smoothing = 0;
  bool reference_free = false;                     ///< the reference gives every answer the same probability
  Divergence divergence = Divergence::kReverseKl;  ///< Wang et al. 2023, "Beyond Reverse KL"
  double alpha = 0.5;                              ///< of kAlpha
  double discopop_tau = 0.05;
};

/// Throws Error naming the option: exo_pair without label smoothing, robust with half or more, weights of another
/// number.
void check(const PreferenceOptions& options);

/// Σ log p(token) of each pair's answers, all [pairs]; tokens: how many.
struct PairLogProbs {
  at::Tensor policy_chosen, policy_rejected, reference_chosen, reference_rejected;
  at::Tensor chosen_tokens, rejected_tokens;
};

/// Each pair's loss [pairs]; combinations are the weighted sum.
at::Tensor preference_losses(const PairLogProbs& pairs, const PreferenceOptions& options);

/// β·(log π - log π_ref) of the chosen and the rejected answers, without gradient: what DPO's implicit reward is.
struct ImplicitRewards {
  at::Tensor chosen, rejected;
};
ImplicitRewards implicit_rewards(const PairLogProbs& pairs, const PreferenceOptions& options);

}  // namespace orrery::align
