// A decoder-only language model with autograd: the readable truth of what text::Engine runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "orrery/nn/blocks.h"
#include "orrery/nn/packed_rows.h"
#include "orrery/nn/parameters.h"
#include "orrery/text/checkpoint.h"

namespace orrery::nn {

/// Every family that the engine has, from the same DecoderSpec, in float32.
class Decoder {
 public:
  /// Copies the checkpoint's weights, which learn; with an adapter (bound to the checkpoint's spec) only that does.
  /// With options.blocks the checkpoint has to outlive the decoder. Throws Error naming a tensor that is missing.
  explicit Decoder(const text::Checkpoint& checkpoint, const text::Adapter* adapter = nullptr,
                   const ParameterOptions& options = {});
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  const text::DecoderSpec& spec() const { return spec_; }
  const Parameters& parameters() const { return parameters_; }
  /// Whether rows may have branches: mixers that hand a state from token to token, and frequencies that depend on a
  /// row's length, know one continuation only.
  bool can_branch() const { return spec_.mixer == text::MixerKind::kAttention && !spec_.rope.by_length(); }

  /// Whether layers keep only what they read for the backward pass, and compute the rest again: less memory, a third
  /// more time. RWKV-7's, which hand values on to each other, keep all.
  void set_gradient_checkpointing(bool on) { checkpointing_ = on; }

  /// The stream behind the last norm, [n, hidden_size]. `streams`, where given, gets what each layer reads and then
  /// what the last one gives, before that norm: layers + 1 tensors.
  at::Tensor hidden(const PackedRows& rows, std::vector<at::Tensor>* streams = nullptr);
  /// The head's outputs for hidden states: logits [n, vocab_size], or scores [n, labels] of a reward model.
  at::Tensor logits(const at::Tensor& hidden) const { return head_(hidden); }
  /// The value head's, [n] (TRL's v_head).
  at::Tensor values(const at::Tensor& hidden) const { return value_head_(hidden).squeeze(-1); }
  const Linear& head() const { return head_; }

 private:
  at::Tensor embed(const PackedRows& rows) const;
  void begin(const PackedRows& rows);
  std::function<at::Tensor(const at::Tensor&)> layer_again(int64_t layer, const PackedRows& rows);

  const text::DecoderSpec spec_;
  const Parameters parameters_;
  const at::Tensor embedding_;
  const std::unique_ptr<Blocks> blocks_;
  const Norm norm_;
  Linear head_, value_head_, patches_;
  bool checkpointing_ = false;
};

}  // namespace orrery::nn
