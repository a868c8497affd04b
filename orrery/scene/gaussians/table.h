// Gaussians that learn: rows of tensors, with what the optimizer remembers of each.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "orrery/scene/gaussians/growing_memory.h"

namespace orrery::scene {

/// A tensor of rows and Adam's two moments, of the same shape. Float32, on the CPU, contiguous.
struct Column {
  at::Tensor value, m, v;
};

/// Row n of every column is of Gaussian n: means [N, 3], log_scales [N, 3], quats [N, 4] (w x y z, of any length),
/// opacity_logits [N], sh [N, coefficients, 3]. Rows come and go, in place: the tensors stay the same objects, what
/// they point to does not, and at no moment there is a second copy.
class GaussianTable {
 public:
  GaussianTable() = default;
  /// Copies of these values, which learn, and moments of 0.
  explicit GaussianTable(const std::map<std::string, at::Tensor>& values);

  int64_t size() const;
  Column& operator[](const std::string& name) { return columns_.at(name); }
  const Column& operator[](const std::string& name) const { return columns_.at(name); }
  const std::map<std::string, Column>& columns() const { return columns_; }

  /// The rows of those numbers, int64 [K], ascending, are what stays.
  void select(const at::Tensor& rows);
  /// Copies of rows go to the end, with moments of 0.
  void append(const at::Tensor& rows);
  /// Zeros, so many rows.
  void resize(int64_t rows);

 private:
  void set_size(int64_t rows);

  std::map<std::string, Column> columns_;
  std::map<std::string, std::array<std::shared_ptr<GrowingMemory>, 3>> memory_;  // of value, m and v
};

}  // namespace orrery::scene
