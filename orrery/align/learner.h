// The model of a run: what it is loaded from, what of it learns, and how it is written.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "orrery/align/online.h"
#include "orrery/align/settings.h"
#include "orrery/nn/decoder.h"

namespace orrery::align {

/// A file or folder that was written, and how far the logits of what it holds are from the trained model's on a fixed
/// text: nothing where it cannot be compared (a reward model's scores are).
struct Written {
  std::filesystem::path path;
  double largest_logit_change = 0;
};

class Learner {
 public:
  /// `base` is settings.model, opened. With an adapter, makes or opens that. A reward model gets a head of one score,
  /// drawn from the seed where the model has none. Throws Error for what cannot be trained.
  Learner(std::shared_ptr<const text::Checkpoint> base, const Settings& settings);

  const std::shared_ptr<nn::Decoder>& model() const { return model_; }
  /// For methods that draw answers: the model, and what it is held to: itself without a new adapter, or a copy.
  Policy policy() const;
  int64_t learned_parameters() const;

  /// Writes what was trained: RUN/adapter (PEFT's, or a LLaMA-Adapter's) or RUN/model (a hub folder), and what
  /// settings.exports name, each wholly or not at all, in the place of an earlier one in RUN. Then loads each again.
  std::vector<Written> write(const std::filesystem::path& run) const;

 private:
  /// What the model has become, without a value head.
  std::shared_ptr<const text::Checkpoint> merged() const;
  bool has_adapter() const { return adapter_config_ || llama_adapter_; }
  text::Adapter opened_adapter();
  text::Adapter new_adapter();
  text::Adapter given_adapter();
  void check_llama_adapter(const text::Adapter& adapter) const;
  double lora_dropout() const;
  void learn_last_layers();
  at::Tensor outputs(nn::Decoder& model) const;
  Written compared(const std::filesystem::path& path, nn::Decoder& reloaded) const;
  std::string export_type() const;

  const Settings settings_;
  std::shared_ptr<const text::Checkpoint> base_;  // with the head that the method needs
  text::DecoderSpec written_spec_;                // of what is written
  std::optional<nlohmann::json> adapter_config_;  // PEFT's
  bool llama_adapter_ = false;                    // what learns is one
  std::shared_ptr<nn::Decoder> model_;
};

}  // namespace orrery::align
