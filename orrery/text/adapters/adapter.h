// What a small file changes in a language model: LoRA (Hu et al. 2021), DoRA (Liu et al. 2024) and LLaMA-Adapter (Zhang
// et al. 2023; Gao et al. 2023, "LLaMA-Adapter V2").
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/tensor_view.h"
#include "orrery/text/decoder_spec.h"

namespace orrery::text {

/// In the place of y = W·x: y = W·(input_scale ⊙ x) + scale·(b·a·x + bias). With a magnitude: y = W'·x, each row of W'
/// being that row of V = W + scale·b·a at another length, magnitude·V/‖V‖ (DoRA, eq. 5).
struct LinearChange {
  std::string module;      ///< the linear's name without ".weight"
  TensorView a, b;         ///< [rank, inputs], [outputs, rank]; without data: no low-rank part
  TensorView bias;         ///< [outputs], or without data
  TensorView input_scale;  ///< [inputs], or without data: ones
  TensorView magnitude;    ///< [outputs], or without data; only beside a and b alone
  double scale = 1;

  int64_t rank() const { return a.data == nullptr ? 0 : a.rows(); }
};

/// A layer's adaption prompt P: gate·softmax(q·(Wk·P)ᵀ/√head_dim)·(Wv·P) is added to what the layer's attention gives
/// to its output projection. Its keys are not rotated (Zhang et al. 2023, sec. 3.2).
struct AdaptionPrompt {
  int64_t layer = 0, length = 0;
  std::vector<float> prompt;  ///< [length, hidden_size]
  std::vector<float> gates;   ///< [heads], as they multiply
  /// What they are made of: [heads] as the file has them, whether tanh is taken, and V2's factor (0: none).
  std::vector<float> file_gates;
  bool tanh = true;
  float new_gate = 0;
};

struct Adapter {
  /// Whose names the file has for the model's parts; kCanonical once bind() has translated them.
  enum class Names { kHub, kGguf, kMeta, kCanonical };

  std::filesystem::path path;
  std::string kind;  ///< "LoRA", "DoRA", "LLaMA-Adapter", "LLaMA-Adapter V2", "LLaMA-Adapter V2 multimodal"
  Names names = Names::kHub;
  RopeLayout rope_layout = RopeLayout::kHalf;  ///< how the rows of q and k are ordered; of GGUF's bind() knows it
  double norm_offset = 0;                      ///< what is to be added to the weights of replaced RMS norms
  std::string architecture;                    ///< GGUF's general.architecture of the base; empty: not said
  std::vector<LinearChange> linears;
  std::vector<TensorView> replaced;  ///< in the place of the base's tensors
  std::vector<AdaptionPrompt> prompts;
  /// Whether the adapter's config asks for a low-rank change of this module; empty: not said, or checked.
  std::function<bool(std::string_view module)> targeted;
  std::shared_ptr<const void> file;  ///< what the views lie in

  int64_t parameters() const;
};

struct AdapterOptions {
  /// LLaMA-Adapter's training code multiplies by tanh(gate), the inference code released for V1 by the gate itself.
  enum class Gate { kTanh, kRaw } gate = Gate::kTanh;
  /// Multimodal LLaMA-Adapter: [query_len, hidden_size], what an image adds to every prompt (visual_query.h); empty:
  /// zeros.
  std::vector<float> visual_query;
};

/// Opens a PEFT folder (adapter_config.json with adapter_model.safetensors or .bin) or its weights, a GGUF adapter, or
/// LLaMA-Adapter's weights (the authors' adapter.pth, or the same names in a .safetensors; beside them a config.json
/// with adapter_len where the file cannot tell). Throws Error naming file and field or tensor: what is none of these,
/// halves of a pair, ranks that disagree, tensors it has no use for, and options that are not supported.
Adapter open_adapter(const std::filesystem::path& path, const AdapterOptions& options = {});

/// The same under canonical names, checked against the base. Throws Error naming what the base does not have, whose
/// shape is another, or what the adapter's config asks for and its file lacks.
Adapter bind(Adapter adapter, const DecoderSpec& base);

}  // namespace orrery::text
