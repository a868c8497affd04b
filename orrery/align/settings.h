// All that a run of alignment is told: `orrery train METHOD`, a TOML file, or an application. Free of libtorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "orrery/align/options.h"
#include "orrery/text/adapters/lora.h"
#include "orrery/text/adapters/new_llama_adapter.h"
#include "orrery/train/options.h"

namespace orrery::align {

enum class Method { kSft, kReward, kPpo, kDpo, kKto, kOrpo, kSimpo, kRloo, kGrpo };
inline constexpr Name<Method> kMethodNames[] = {
    {Method::kSft, "sft"},     {Method::kReward, "reward"}, {Method::kPpo, "ppo"},
    {Method::kDpo, "dpo"},     {Method::kKto, "kto"},       {Method::kOrpo, "orpo"},
    {Method::kSimpo, "simpo"}, {Method::kRloo, "rloo"},     {Method::kGrpo, "grpo"}};

/// Where names are TRL's, so are the meanings (docs/align.md lists the differences).
struct Settings {
  /// The method's own defaults.
  explicit Settings(Method wanted = Method::kSft) : method(wanted) {
    const bool groups = method == Method::kRloo || method == Method::kGrpo;
    loop.learning_rate = method == Method::kSft      ? 2e-5
                         : method == Method::kReward ? 1e-4
                         : method == Method::kPpo    ? 3e-6
                                                     : 1e-6;
    if (method == Method::kSimpo) preference.beta = simpo.beta;
    if (groups) preference.beta = method == Method::kRloo ? 0.05 : 0;
    if (groups) rollout.num_generations = method == Method::kRloo ? 2 : 8;
    if (groups) rollout.temperature = 1;
  }

  Method method;
  std::string model;      ///< what text::Checkpoint::open takes
  std::string data;       ///< a file of records
  std::string eval_data;  ///< others, to evaluate with
  std::filesystem::path out;
  std::string adapter;  ///< a folder whose adapter learns on: PEFT's, or a LLaMA-Adapter's
  bool skip_bad = false;
  TruncationOptions truncation;
  BatchOptions batch;
  train::LoopOptions loop;
  bool gradient_checkpointing = false;
  bool bf16 = false;              ///< products in bfloat16; weights and sums stay float32
  bool keep_blocks = false;       ///< an adapter's quantised base stays quantised in memory (QLoRA)
  int64_t train_last_layers = 0;  ///< only these learn; 0: all
  bool use_peft = false;
  text::LoraOptions lora;
  text::LlamaAdapterOptions llama;
  SftOptions sft;
  PreferenceOptions preference;  ///< its beta and label_smoothing are those of every method that has them
  RewardOptions reward;
  KtoOptions kto;
  SimpoOptions simpo;
  RolloutOptions rollout;
  PpoOptions ppo;
  GroupOptions group;
  std::string reward_model;          ///< what scores answers: a model that the method reward has made
  std::string reward_command;        ///< or a program (scorer.h)
  std::vector<std::string> exports;  ///< further files and folders to write: NAME.gguf, or a hub folder
  std::string export_type = "auto";  ///< F32, BF16, F16; auto: the base's where it is one of these, else F16
  int threads = 0;                   ///< 0: one per core that this process may use
};

}  // namespace orrery::align
