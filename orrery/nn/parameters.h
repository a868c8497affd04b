// A model's weights by name.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "orrery/nn/layers.h"
#include "orrery/text/adapters/adapter.h"
#include "orrery/text/checkpoint.h"

namespace orrery::nn {

struct ParameterOptions {
  bool half = false;        ///< products with matrices of the layers and the head in bfloat16
  bool blocks = false;      ///< quantised matrices of layers that do not learn stay as their file has them
  double lora_dropout = 0;  ///< of what an adapter's pairs in layers read, in passes that PackedRows::dropout names
  uint64_t seed = 0;        ///< of its draws
};

/// Leaf tensors in float32, under their canonical names (text::Checkpoint::tensor()). Those that learn want gradients.
class Parameters {
 public:
  /// Copies every tensor that the checkpoint's family has. With an adapter (bound to the checkpoint's spec), its own
  /// tensors learn and the base's do not: MODULE.lora_A.weight, MODULE.lora_B.weight, MODULE.lora_magnitude_vector,
  /// MODULE.input_scale, MODULE.added_bias, what it replaces, and model.layers.N.self_attn.adaption_prompt, …_gate,
  /// …_new_gate.
  explicit Parameters(const text::Checkpoint& checkpoint, const text::Adapter* adapter = nullptr,
                      const ParameterOptions& options = {});

  /// Throws Error naming the tensor when there is none.
  const at::Tensor& at(const std::string& name) const;
  bool has(const std::string& name) const { return tensors_.contains(name); }
  const std::map<std::string, at::Tensor>& all() const { return tensors_; }

  /// PREFIX.weight with what the adapter makes of it and, where there is one, PREFIX.bias.
  Linear linear(const std::string& prefix) const;
  /// PREFIXadaption_prompt with its gates; empty where there is none.
  AdaptionPrompt prompt(const std::string& prefix) const;
  Norm norm(const std::string& prefix, text::NormKind kind, double eps, double offset = 0) const;
  /// Whether low-rank changes, scales and biases of an adapter count; at first they do.
  void use_adapter(bool used) const { *adapter_off_ = !used; }
  /// Whether an adapter's pairs leave out values where PackedRows::dropout names a pass.
  bool drops() const { return dropout_->p > 0 && !scales_.empty(); }
  /// The name that dropout's draws have from now on; empty, as at first: it drops nothing.
  void name_pass(const std::string& name) const { dropout_->pass = name; }

 private:
  void add(const std::string& name, const TensorView& view, bool learns);
  at::Tensor find(const std::string& name) const;  // undefined: none
  void adapt(const text::Adapter& adapter);
  void reorder(const std::string& name, text::RopeLayout from);

  std::string where_;
  text::DecoderSpec spec_;
  const ParameterOptions options_;
  std::map<std::string, at::Tensor> tensors_;
  std::map<std::string, TensorView> blocks_;  // in the checkpoint's file
  bool gates_by_tanh_ = true;
  std::map<std::string, double> scales_;  // of the modules that an adapter changes
  std::shared_ptr<bool> adapter_off_ = std::make_shared<bool>(false);
  std::shared_ptr<Dropout> dropout_;
};

}  // namespace orrery::nn
