// A decoder-only language model with autograd: the readable truth of what text::Engine runs.
#pragma once

#include <ATen/core/Tensor.h>

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
  /// Throws Error naming a tensor that is missing.
  explicit Decoder(const text::Checkpoint& checkpoint, const text::Adapter* adapter = nullptr);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  const text::DecoderSpec& spec() const { return spec_; }
  const Parameters& parameters() const { return parameters_; }

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

  const text::DecoderSpec spec_;
  const Parameters parameters_;
  const at::Tensor embedding_;
  const std::unique_ptr<Blocks> blocks_;
  const Norm norm_;
  Linear head_, value_head_, patches_;
};

}  // namespace orrery::nn
