// What stands between a decoder's embedding and its last norm.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "orrery/nn/packed_rows.h"
#include "orrery/nn/parameters.h"

namespace orrery::nn {

/// A decoder's layers of one kind. They may hand values on to each other (RWKV-7's first layer does).
class Blocks {
 public:
  virtual ~Blocks() = default;
  /// What the layers of one pass have in common; before the first.
  virtual void begin(const PackedRows&) {}
  /// Layer `layer` of x [n, hidden_size].
  virtual at::Tensor run(int64_t layer, const at::Tensor& x, const PackedRows& rows) = 0;
};

/// The spec outlives them.
std::unique_ptr<Blocks> make_blocks(const text::DecoderSpec& spec, const Parameters& parameters);

}  // namespace orrery::nn
