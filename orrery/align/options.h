// What each way of alignment is told. Names and defaults are TRL's (1.16). Free of libtorch: a command line that
// includes this links none of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orrery/base/names.h"

namespace orrery::align {

/// Which records a step sees, and how they are cut.
struct BatchOptions {
  int64_t per_device_train_batch_size = 8;
  int64_t gradient_accumulation_steps = 1;
  /// Tokens that are computed at once: a step's batch is cut so that a part has no more, but one record at least. The
  /// cuts change speed and memory, and no result.
  int64_t micro_batch_tokens = 1024;
  bool shuffle = true;  ///< an order of its own for each epoch; else the file's
  uint64_t seed = 42;

  int64_t batch_size() const { return per_device_train_batch_size * gradient_accumulation_steps; }
};

struct SftOptions {
  bool packing = false;            ///< a batch counts rows of max_length tokens, filled best-fit, and not records
  double neftune_noise_alpha = 0;  ///< Jain et al. 2023, "NEFTune": noise on the embeddings of so many/√(length·size)
};

/// What becomes of a row with more than max_length tokens: its first ones stay, its last ones stay, or it is left out.
enum class TruncationMode { kKeepStart, kKeepEnd, kDrop };
inline constexpr Name<TruncationMode> kTruncationModeNames[] = {{TruncationMode::kKeepStart, "keep_start"},
                                                                {TruncationMode::kKeepEnd, "keep_end"},
                                                                {TruncationMode::kDrop, "drop"}};

struct TruncationOptions {
  int64_t max_length = 0;  ///< tokens of a row, prompt and answer; 0: as long as it is
  TruncationMode truncation_mode = TruncationMode::kKeepStart;
};

/// Losses of pairs of answers; where each comes from stands beside it.
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
inline constexpr Name<PreferenceLoss> kPreferenceLossNames[] = {{PreferenceLoss::kSigmoid, "sigmoid"},
                                                                {PreferenceLoss::kSigmoidNorm, "sigmoid_norm"},
                                                                {PreferenceLoss::kHinge, "hinge"},
                                                                {PreferenceLoss::kIpo, "ipo"},
                                                                {PreferenceLoss::kExoPair, "exo_pair"},
                                                                {PreferenceLoss::kNcaPair, "nca_pair"},
                                                                {PreferenceLoss::kRobust, "robust"},
                                                                {PreferenceLoss::kBcoPair, "bco_pair"},
                                                                {PreferenceLoss::kSppoHard, "sppo_hard"},
                                                                {PreferenceLoss::kAot, "aot"},
                                                                {PreferenceLoss::kAotUnpaired, "aot_unpaired"},
                                                                {PreferenceLoss::kApoZero, "apo_zero"},
                                                                {PreferenceLoss::kApoDown, "apo_down"},
                                                                {PreferenceLoss::kDiscopop, "discopop"},
                                                                {PreferenceLoss::kSft, "sft"}};

/// Wang et al. 2023, "Beyond Reverse KL".
enum class Divergence { kReverseKl, kForwardKl, kJensenShannon, kAlpha };
inline constexpr Name<Divergence> kDivergenceNames[] = {{Divergence::kReverseKl, "reverse_kl"},
                                                        {Divergence::kForwardKl, "forward_kl"},
                                                        {Divergence::kJensenShannon, "js_divergence"},
                                                        {Divergence::kAlpha, "alpha_divergence"}};

struct PreferenceOptions {
  std::vector<PreferenceLoss> losses = {PreferenceLoss::kSigmoid};
  std::vector<double> weights;  ///< of each; empty: 1
  double beta = 0.1;
  double label_smoothing = 0;
  bool reference_free = false;  ///< the reference gives every answer the same probability
  Divergence divergence = Divergence::kReverseKl;
  double alpha = 0.5;  ///< of kAlpha
  double discopop_tau = 0.05;
};

struct KtoOptions {
  double beta = 0.1;
  double desirable_weight = 1, undesirable_weight = 1;
};

struct RewardOptions {
  double center_rewards_coefficient = 0;  ///< keeps rewards around zero (Eisenstein et al. 2023); 0: does not
};

struct SimpoOptions {
  double beta = 2;           ///< the paper's; TRL's CPO has 0.1
  double simpo_gamma = 0.5;  ///< γ
  double label_smoothing = 0;
  double cpo_alpha = 0;  ///< the paper's; TRL's CPO has 1
};

/// Answers that are drawn while a policy learns.
struct RolloutOptions {
  int64_t num_generations = 1;   ///< answers to each prompt
  int64_t response_length = 53;  ///< tokens of an answer at most
  double temperature = 0.7;      ///< of the drawing, and of the probabilities that are compared
};

enum class KlEstimator { kK1, kK2, kK3 };
inline constexpr Name<KlEstimator> kKlEstimatorNames[] = {
    {KlEstimator::kK1, "k1"}, {KlEstimator::kK2, "k2"}, {KlEstimator::kK3, "k3"}};

/// Names and defaults of the last PPOConfig that TRL had; those of the adaptive coefficient are its earlier one's.
struct PpoOptions {
  int64_t num_ppo_epochs = 4;    ///< how often a batch of answers is learned from
  int64_t num_mini_batches = 1;  ///< updates in each of these
  double kl_coef = 0.05;         ///< of the KL to the reference in a token's reward; where adaptive, the first
  KlEstimator kl_estimator = KlEstimator::kK1;
  bool adap_kl_ctrl = false;  ///< kl_coef follows the KL (Ziegler et al. 2019, sec. 2.2)
  double target_kl = 6;       ///< nats of an answer that it is held at
  double horizon = 10000;     ///< answers over which it is
  double cliprange = 0.2, cliprange_value = 0.2;
  double vf_coef = 0.1;
  double gamma = 1, lam = 0.95;
  bool whiten_rewards = false;
  double missing_eos_penalty = 0;  ///< taken from the score of an answer that did not end
};

/// How a group's loss averages: over each answer and then the answers (Shao et al. 2024, "GRPO"); over all tokens
/// of the batch (Yu et al. 2025, "DAPO"); over answers × response_length, which no length favours (Liu et al. 2025,
/// "Dr. GRPO").
enum class GroupMean { kAnswers, kTokens, kConstant };
inline constexpr Name<GroupMean> kGroupMeanNames[] = {{GroupMean::kAnswers, "grpo"},
                                                      {GroupMean::kTokens, "dapo"},
                                                      {GroupMean::kTokens, "bnpo"},
                                                      {GroupMean::kConstant, "dr_grpo"}};

struct GroupOptions {
  int64_t num_iterations = 1;  ///< how often a batch of answers is learned from
  double epsilon = 0.2, epsilon_high = 0.2;
  double beta = 0;  ///< of the KL to the reference: k3 in the loss of GRPO, k1 in the reward of RLOO (0.05 in TRL)
  bool scale_rewards = true;  ///< advantages are divided by their group's deviation
  GroupMean mean = GroupMean::kTokens;
};

}  // namespace orrery::align
