// A named tensor in somebody else's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "orrery/base/dtype.h"

namespace orrery {

/// Contiguous, row-major, outermost axis first ([rows, cols] as PyTorch prints it; GGUF's reversed order is undone by
/// its reader). The bytes belong to whoever made the view (usually a mapped file) and live as long as that. Data may be
/// unaligned.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  const std::byte* data = nullptr;
  int64_t bytes = 0;

  int64_t elements() const {
    int64_t product = 1;
    for (int64_t extent : shape) product *= extent;
    return product;
  }
  /// Elements of the innermost axis; 1 for a scalar.
  int64_t cols() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const { return cols() == 0 ? 0 : elements() / cols(); }
};

/// "[2, 3, 4]", for messages.
std::string shape_string(const std::vector<int64_t>& shape);

}  // namespace orrery
