// Every setting by its name: what the command line, TOML files and RUN/config.toml know. One line per setting.
#pragma once

#include "orrery/align/settings.h"
#include "orrery/train/field.h"

namespace orrery::align {

using train::Field;
using train::only;

/// visit(field, member) for each setting; enums come with their table: visit(field, member, names).
template <class AnySettings, class Visit>
void visit_fields(AnySettings& s, const Visit& visit) {
  constexpr const char *kModel = "Model", *kData = "Data", *kSteps = "Steps", *kOptimizer = "Optimizer",
                       *kLora = "LoRA", *kLlama = "LLaMA-Adapter", *kPreferences = "Preferences",
                       *kAnswers = "Answers that are drawn", *kPpo = "PPO", *kGroups = "RLOO and GRPO", *kRun = "Run";
  constexpr uint32_t kWithBeta =
      only(Method::kDpo, Method::kKto, Method::kOrpo, Method::kSimpo, Method::kRloo, Method::kGrpo);
  constexpr uint32_t kOfLanguage =
      only(Method::kSft, Method::kDpo, Method::kKto, Method::kOrpo, Method::kSimpo);  // no head, and no answers drawn
  constexpr uint32_t kDpo = only(Method::kDpo), kOnPpo = only(Method::kPpo),
                     kOnGroups = only(Method::kRloo, Method::kGrpo), kOnline = kOnPpo | kOnGroups;

  visit(Field{"model", kModel, "What to train: a hub folder, a GGUF file, or the short name of a model in the cache"},
        s.model);
  visit(Field{"adapter", kModel, "A folder whose adapter learns on: PEFT's, or a LLaMA-Adapter's"}, s.adapter);

  visit(Field{"train_last_layers", kModel, "Train only so many layers, the last norm and a head of its own; 0: all"},
        s.train_last_layers);

  visit(Field{"data", kData, "Records: .json or .jsonl, gzipped or not (docs/align.md)"}, s.data);
  visit(Field{"eval_data", kData, "Other records, which nothing is learned from, for evaluations", ~kOnline},
        s.eval_data);
  visit(Field{"skip_bad", kData, "Leave out rows that are no records, and count them, instead of refusing to start"},
        s.skip_bad);
  visit(Field{"max_length", kData, "Tokens of a row, prompt and answer; 0: as long as it is"}, s.truncation.max_length);
  visit(Field{"truncation_mode", kData, "What becomes of longer rows"}, s.truncation.truncation_mode,
        kTruncationModeNames);
  visit(Field{"shuffle", kData, "Another order in each epoch"}, s.batch.shuffle);
  visit(Field{"seed", kData, "Of all random draws"}, s.batch.seed);

  visit(Field{"per_device_train_batch_size", kSteps, "Records of a step"}, s.batch.per_device_train_batch_size);
  visit(Field{"gradient_accumulation_steps", kSteps, "So many times as many records in a step"},
        s.batch.gradient_accumulation_steps);
  visit(Field{"micro_batch_tokens", kSteps, "Tokens computed at once: memory against speed, the same results"},
        s.batch.micro_batch_tokens);
  visit(Field{"packing", kSteps, "A batch counts rows of max_length tokens, filled best-fit with whole records",
              only(Method::kSft)},
        s.sft.packing);
  visit(Field{"gradient_checkpointing", kSteps, "Keep less for the backward pass and compute it again: a third slower"},
        s.gradient_checkpointing);
  visit(Field{"bf16", kSteps,
              "Products in bfloat16, weights and sums in float32: for processors that have such products"},
        s.bf16);
  visit(Field{"num_train_epochs", kSteps, "How often every record is seen"}, s.loop.num_train_epochs);
  visit(Field{"max_steps", kSteps, "Steps in all, in the place of epochs", ~0u, "epochs count"}, s.loop.max_steps);

  visit(Field{"optim", kOptimizer, "What makes steps of gradients"}, s.loop.optimizer.optim, train::kOptimizerNames);
  visit(Field{"learning_rate", kOptimizer, "At its highest", ~0u,
              "2e-5 for sft, 1e-4 for reward, 3e-6 for ppo, else 1e-6"},
        s.loop.learning_rate);
  visit(Field{"lr_scheduler_type", kOptimizer, "How the learning rate goes over the run"},
        s.loop.schedule.lr_scheduler_type, train::kScheduleNames);
  visit(Field{"warmup_steps", kOptimizer, "Steps in which it rises from 0"}, s.loop.schedule.warmup_steps);
  visit(Field{"warmup_ratio", kOptimizer, "The same as a share of all steps"}, s.loop.schedule.warmup_ratio);
  visit(Field{"min_lr_ratio", kOptimizer, "The share of it that cosine and warmup_stable_decay end at"},
        s.loop.schedule.min_lr_ratio);
  visit(Field{"num_decay_steps", kOptimizer, "Steps in which warmup_stable_decay goes down"},
        s.loop.schedule.num_decay_steps);
  visit(Field{"decay_type", kOptimizer, "How it does"}, s.loop.schedule.decay_type, train::kDecayNames);
  visit(Field{"adam_beta1", kOptimizer, "How slowly the mean of gradients moves"}, s.loop.optimizer.adam_beta1);
  visit(Field{"adam_beta2", kOptimizer, "The same of their squares"}, s.loop.optimizer.adam_beta2);
  visit(Field{"adam_epsilon", kOptimizer, "Added to the root of that"}, s.loop.optimizer.adam_epsilon);
  visit(Field{"weight_decay", kOptimizer, "Of matrices"}, s.loop.optimizer.weight_decay);
  visit(Field{"max_grad_norm", kOptimizer, "Gradients of a larger norm are scaled down to it; 0: never"},
        s.loop.max_grad_norm);

  visit(Field{"ema_decay", kOptimizer, "Leave behind averages of the weights that forget so slowly; 0: the weights"},
        s.loop.ema_decay);

  visit(Field{"neftune_noise_alpha", kOptimizer, "Noise on the embeddings (NEFTune); 0: none", only(Method::kSft)},
        s.sft.neftune_noise_alpha);

  visit(Field{"use_peft", kLora, "Train a LoRA adapter instead of all weights"}, s.use_peft);
  visit(Field{"lora_r", kLora, "Rank"}, s.lora.lora_r);
  visit(Field{"lora_alpha", kLora, "The adapter counts alpha/r times"}, s.lora.lora_alpha);
  visit(Field{"lora_target_modules", kLora, "Which linear layers: names such as q_proj,v_proj, or all-linear"},
        s.lora.lora_target_modules);
  visit(Field{"lora_rank_pattern", kLora, "Other ranks for some: q_proj=8,down_proj=32"}, s.lora.lora_rank_pattern);
  visit(Field{"lora_alpha_pattern", kLora, "Other alphas for some"}, s.lora.lora_alpha_pattern);
  visit(Field{"keep_blocks", kLora, "Leave a quantised model's matrices in their file's blocks (QLoRA): less memory"},
        s.keep_blocks);
  visit(Field{"use_rslora", kLora, "Count it alpha/√r times"}, s.lora.use_rslora);
  visit(Field{"use_dora", kLora, "DoRA: how long a matrix's rows are learns apart from where they point"},
        s.lora.use_dora);
  visit(Field{"lora_dropout", kLora, "How probable it is that a value of what the adapter reads is left out",
              only(Method::kSft)},
        s.lora.lora_dropout);

  visit(Field{"llama_adapter", kLlama, "Train one instead of all weights", kOfLanguage}, s.llama.llama_adapter,
        text::kLlamaAdapterNames);
  visit(Field{"adapter_len", kLlama, "Rows of a layer's prompt; 0: none (v2)", kOfLanguage}, s.llama.adapter_len);
  visit(Field{"adapter_layer", kLlama, "How many of the last layers have a prompt", kOfLanguage},
        s.llama.adapter_layer);

  visit(Field{"beta", kPreferences, "How strongly the policy is held to the reference, or rewards are scaled",
              kWithBeta, "0.1; 2 for simpo, 0.05 for rloo, 0 for grpo"},
        s.preference.beta);
  visit(Field{"loss_type", kPreferences, "One loss, or several that are added", kDpo}, s.preference.losses,
        kPreferenceLossNames);
  visit(Field{"loss_weights", kPreferences, "How much each of several losses counts", kDpo}, s.preference.weights);
  visit(Field{"label_smoothing", kPreferences, "How probable it is that a label is wrong",
              only(Method::kDpo, Method::kSimpo)},
        s.preference.label_smoothing);
  visit(Field{"reference_free", kPreferences, "The reference finds all answers equally likely", kDpo},
        s.preference.reference_free);
  visit(Field{"f_divergence_type", kPreferences, "What the policy is held to the reference by", kDpo},
        s.preference.divergence, kDivergenceNames);
  visit(Field{"f_alpha_divergence_coef", kPreferences, "Alpha of alpha_divergence", kDpo}, s.preference.alpha);
  visit(Field{"discopop_tau", kPreferences, "Temperature of discopop", kDpo}, s.preference.discopop_tau);

  visit(Field{"simpo_gamma", kPreferences, "The margin between both rewards", only(Method::kSimpo)},
        s.simpo.simpo_gamma);
  visit(
      Field{"cpo_alpha", kPreferences, "How much the chosen answers' likelihood counts besides", only(Method::kSimpo)},
      s.simpo.cpo_alpha);
  visit(Field{"desirable_weight", kPreferences, "How much good answers count", only(Method::kKto)},
        s.kto.desirable_weight);
  visit(Field{"undesirable_weight", kPreferences, "How much bad ones do", only(Method::kKto)},
        s.kto.undesirable_weight);
  visit(Field{"center_rewards_coefficient", kPreferences, "Keeps rewards around zero", only(Method::kReward)},
        s.reward.center_rewards_coefficient);

  visit(Field{"reward_model", kAnswers, "What scores answers: a folder that orrery train reward wrote", kOnline},
        s.reward_model);
  visit(Field{"reward_command", kAnswers,
              "Or a shell command: it reads a JSON object {prompt, completion} per line and writes a number per line",
              kOnline},
        s.reward_command);
  visit(Field{"response_length", kAnswers, "Tokens of an answer at most", kOnline}, s.rollout.response_length);
  visit(Field{"temperature", kAnswers, "Of the drawing", kOnline, "0.7; 1 for rloo and grpo"}, s.rollout.temperature);
  visit(Field{"num_generations", kAnswers, "Answers to each prompt", kOnline, "1; 2 for rloo, 8 for grpo"},
        s.rollout.num_generations);

  visit(Field{"num_ppo_epochs", kPpo, "How often a batch of answers is learned from", kOnPpo}, s.ppo.num_ppo_epochs);
  visit(Field{"num_mini_batches", kPpo, "Updates in each of these", kOnPpo}, s.ppo.num_mini_batches);
  visit(Field{"kl_coef", kPpo, "Of the KL to the reference in the reward", kOnPpo}, s.ppo.kl_coef);
  visit(Field{"kl_estimator", kPpo, "How a token's KL is estimated", kOnPpo}, s.ppo.kl_estimator, kKlEstimatorNames);
  visit(Field{"adap_kl_ctrl", kPpo, "Let kl_coef follow the KL", kOnPpo}, s.ppo.adap_kl_ctrl);
  visit(Field{"target_kl", kPpo, "The KL of an answer that it is held at", kOnPpo}, s.ppo.target_kl);
  visit(Field{"horizon", kPpo, "Answers over which it is", kOnPpo}, s.ppo.horizon);
  visit(Field{"cliprange", kPpo, "How far a token's probability ratio counts", kOnPpo}, s.ppo.cliprange);
  visit(Field{"cliprange_value", kPpo, "How far values may go from the old ones", kOnPpo}, s.ppo.cliprange_value);
  visit(Field{"vf_coef", kPpo, "How much the value loss counts", kOnPpo}, s.ppo.vf_coef);
  visit(Field{"gamma", kPpo, "Discount per token", kOnPpo}, s.ppo.gamma);
  visit(Field{"lam", kPpo, "Lambda of generalised advantages", kOnPpo}, s.ppo.lam);
  visit(Field{"whiten_rewards", kPpo, "Give rewards a variance of 1", kOnPpo}, s.ppo.whiten_rewards);
  visit(Field{"missing_eos_penalty", kPpo, "Taken from the score of an answer that did not end", kOnPpo},
        s.ppo.missing_eos_penalty);

  visit(Field{"num_iterations", kGroups, "How often a batch of answers is learned from", kOnGroups},
        s.group.num_iterations);
  visit(Field{"epsilon", kGroups, "How far below 1 a ratio counts", kOnGroups}, s.group.epsilon);
  visit(Field{"epsilon_high", kGroups, "How far above", kOnGroups}, s.group.epsilon_high);
  visit(Field{"scale_rewards", kGroups, "Divide advantages by their group's deviation", only(Method::kGrpo)},
        s.group.scale_rewards);
  visit(Field{"group_loss_type", kGroups, "What the loss averages over", only(Method::kGrpo)}, s.group.mean,
        kGroupMeanNames);

  visit(Field{"logging_steps", kRun, "Metrics are written every so many steps, averaged"}, s.loop.logging_steps);
  visit(Field{"save_steps", kRun, "A checkpoint every so many steps; 0: the last alone"}, s.loop.save_steps);
  visit(Field{"save_total_limit", kRun, "Checkpoints that stay; 0: all"}, s.loop.save_total_limit);
  visit(Field{"eval_steps", kRun, "An evaluation every so many steps; 0: none", ~kOnline}, s.loop.eval_steps);
  visit(Field{"metric_for_best_model", kRun, "What evaluations are compared by", ~kOnline},
        s.loop.metric_for_best_model);
  visit(Field{"load_best_model_at_end", kRun, "Leave behind the best evaluation's weights", ~kOnline},
        s.loop.load_best_model_at_end);
  visit(Field{"early_stopping_patience", kRun, "Evaluations without a better metric that end the run; 0: never",
              ~kOnline},
        s.loop.early_stopping_patience);
  visit(Field{"early_stopping_threshold", kRun, "How much better a metric has to be for that", ~kOnline},
        s.loop.early_stopping_threshold);
  visit(Field{"export", kRun, "Write the trained model also here: a NAME.gguf, or a new hub folder"}, s.exports);
  visit(Field{"export_type", kRun, "F32, BF16 or F16", ~0u, "the model's own; F16 where that is quantised"},
        s.export_type);
  visit(Field{"threads", kRun, "0 is one per core"}, s.threads);
}

}  // namespace orrery::align
