// A model's weights, packed for the kernels.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/base/thread_pool.h"
#include "orrery/kernels/matmul/packed_matrix.h"
#include "orrery/text/checkpoint.h"

namespace orrery::text {

/// Matrices that read the same activations and write side by side: [q; k; v] is one when the three have one type, else
/// several.
struct Projection {
  struct Part {
    kernels::PackedMatrix matrix;
    int64_t first_output = 0;
  };
  std::vector<Part> parts;
  std::vector<float> bias;  ///< [outputs], or empty
  int64_t outputs = 0;

  /// Whether the kernels want int8 activations (all parts agree).
  bool quantized() const;
};

struct LayerWeights {
  std::vector<float> attention_norm, mlp_norm;
  Projection qkv, o, down;
  Projection gate_up;  ///< strips of gate and up in turn when fused, else [gate; up]
  bool gate_up_fused = true;
};

/// Rows of q and k are in the half-split rotary layout, whatever the file has.
struct Weights {
  Buffer memory;
  std::vector<LayerWeights> layers;
  std::vector<float> final_norm;
  Projection head;  ///< hidden -> vocabulary

  int64_t bytes() const { return static_cast<int64_t>(memory.size()); }
};

/// Packs every matrix, in parallel, reading the file once in its order of use and giving its pages back. exact turns
/// all into float32; otherwise types without kernels of their own stay as they are and are taken apart as they are
/// multiplied. progress(done, total) in bytes of the result.
Weights load_weights(const Checkpoint& checkpoint, bool exact, ThreadPool& pool,
                     const std::function<void(int64_t, int64_t)>& progress);

/// One row of the token embedding as floats [hidden_size], from the checkpoint.
void embed(const Checkpoint& checkpoint, TokenId token, std::span<float> out);

}  // namespace orrery::text
