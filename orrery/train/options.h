// What a run of the training loop is told. Names and defaults are those of transformers' TrainingArguments (5.24) as
// TRL (1.16) has them, unless a comment says otherwise. Free of libtorch: a command line that includes this links none
// of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "orrery/base/names.h"

namespace orrery::train {

enum class OptimizerKind {
  kAdamW,
  kAdamW8bit,  ///< its states in 8 bits, block-wise
  kAdafactor,
  kLion,
  kPagedAdamW,  ///< the same steps and states, which the system may move to the disk (paged.h)
  kPagedAdamW8bit,
  kPagedLion,
};
inline constexpr Name<OptimizerKind> kOptimizerNames[] = {
    {OptimizerKind::kAdamW, "adamw"},
    {OptimizerKind::kAdamW8bit, "adamw_8bit"},
    {OptimizerKind::kAdafactor, "adafactor"},
    {OptimizerKind::kLion, "lion"},
    {OptimizerKind::kPagedAdamW, "paged_adamw"},
    {OptimizerKind::kPagedAdamW8bit, "paged_adamw_8bit"},
    {OptimizerKind::kPagedLion, "paged_lion"},
    {OptimizerKind::kAdamW, "adamw_torch"},
    {OptimizerKind::kAdamW, "adamw_torch_fused"},
    {OptimizerKind::kAdamW8bit, "adamw_bnb_8bit"},
    {OptimizerKind::kLion, "lion_32bit"},
    {OptimizerKind::kPagedAdamW, "paged_adamw_32bit"},
    {OptimizerKind::kPagedLion, "paged_lion_32bit"},
};

struct OptimizerOptions {
  OptimizerKind optim = OptimizerKind::kAdamW;
  double adam_beta1 = 0.9, adam_beta2 = 0.999;  ///< also Lion's, whose authors have 0.9 and 0.99
  double adam_epsilon = 1e-8;
  double weight_decay = 0;  ///< of matrices; vectors (norms, biases) are left alone
  // Adafactor's, as the Trainer sets them: no momentum, no step size of its own (relative_step is false).
  bool scale_parameter = false;       ///< the rate times the root mean square of what learns
  double clip_threshold = 1;          ///< of the root mean square of an update
  double decay_rate = -0.8;           ///< the second moment's β₂ in step t is 1 - t^decay_rate
  std::filesystem::path page_folder;  ///< of paged states; none: the run's folder
};

/// lr_scheduler_type. All of them warm up.
enum class ScheduleKind {
  kConstant,
  kLinear,  ///< to 0
  kCosine,  ///< half a cosine (Loshchilov and Hutter 2017, "SGDR", without restarts)
  kWsd,     ///< warm-up, stable, then down over the last num_decay_steps (Hu et al. 2024, "MiniCPM")
};
inline constexpr Name<ScheduleKind> kScheduleNames[] = {
    {ScheduleKind::kConstant, "constant"},
    {ScheduleKind::kLinear, "linear"},
    {ScheduleKind::kCosine, "cosine"},
    {ScheduleKind::kWsd, "warmup_stable_decay"},
    {ScheduleKind::kConstant, "constant_with_warmup"},
    {ScheduleKind::kCosine, "cosine_with_min_lr"},
};

/// How warmup_stable_decay goes down, t from 0 to 1.
enum class DecayKind {
  kLinear,        ///< 1 - t
  kCosine,        ///< (1 + cos πt) / 2
  kOneMinusSqrt,  ///< 1 - √t (Hägele et al. 2024)
};
inline constexpr Name<DecayKind> kDecayNames[] = {
    {DecayKind::kLinear, "linear"}, {DecayKind::kCosine, "cosine"}, {DecayKind::kOneMinusSqrt, "1-sqrt"}};

struct ScheduleOptions {
  ScheduleKind lr_scheduler_type = ScheduleKind::kLinear;
  int64_t warmup_steps = 0;  ///< linearly from 0
  double warmup_ratio = 0;   ///< of all steps, rounded up; where warmup_steps is 0
  // lr_scheduler_kwargs.
  double min_lr_ratio = 0;      ///< what cosine and warmup_stable_decay end at, as a share of learning_rate
  int64_t num_decay_steps = 0;  ///< of warmup_stable_decay
  DecayKind decay_type = DecayKind::kCosine;
};

struct LoopOptions {
  int64_t max_steps = -1;       ///< where positive, instead of num_train_epochs
  double num_train_epochs = 3;  ///< of a task that says how many steps an epoch has
  double learning_rate = 5e-5;
  ScheduleOptions schedule;
  OptimizerOptions optimizer;
  double max_grad_norm = 1;  ///< gradients of a larger norm are scaled down to it; 0: never
  /// What is evaluated and left behind are averages a ← d·a + (1 - d)·w of the weights after each step; 0: the weights.
  /// (Not transformers'. d in step t is at most (1 + t)/(10 + t), so that the first weights are soon forgotten.)
  double ema_decay = 0;

  int64_t logging_steps = 10;  ///< metrics of the steps between are averaged
  int64_t save_steps = 500;  ///< a checkpoint behind every so many steps and behind the last; 0: behind the last alone
  int64_t save_total_limit = 2;  ///< checkpoints that stay, besides the best one; 0: all, transformers' default
  std::filesystem::path output_dir;
  bool resume = false;  ///< from the newest checkpoint; else a folder that has one is refused

  int64_t eval_steps = 0;  ///< an evaluation behind every so many steps and behind the last; 0: none
  std::string metric_for_best_model = "loss";  ///< of the evaluation, with or without "eval_"
  std::optional<bool> greater_is_better;       ///< none: unless the metric's name ends in "loss"
  bool load_best_model_at_end = false;         ///< the best checkpoint's weights are what is left behind
  int64_t early_stopping_patience = 0;  ///< evaluations in a row without a better metric that end the run; 0: never
  double early_stopping_threshold = 0;  ///< how much better a metric must be for that

  bool quiet = false;    ///< no progress on standard error
  std::string settings;  ///< all of them as config.toml has them, for report.html
};

}  // namespace orrery::train
