// Packed matrices that a layer multiplies with.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/base/thread_pool.h"
#include "orrery/kernels/matmul/packed_matrix.h"

namespace orrery::text {

/// The products of a decoder that an adapter can change. A layer has one of each but the head, which follows the last.
enum class Site { kQkv, kOutput, kGateUp, kDown, kHead };

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
  bool paired = false;  ///< strips of two matrices in turn (gate and up), which share an output in a gated product

  int64_t inputs() const { return parts.front().matrix.cols; }
  /// Whether the kernels want int8 activations (all parts agree).
  bool quantized() const { return !kernels::info(parts.front().matrix.kind).is_float; }
  int64_t bytes() const;
  /// The weights as the pool's stretches divide them.
  ReadAhead ahead() const;
};

}  // namespace orrery::text
