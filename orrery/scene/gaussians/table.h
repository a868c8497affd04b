// Gaussians that learn: rows of tensors, with what the optimizer remembers of each.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

namespace orrery::scene {

/// A tensor of rows and Adam's two moments, of the same shape. Float32, on the CPU, contiguous.
struct Column {
  at::Tensor value, m, v;
};

/// Row n of every column is of Gaussian n: means [N, 3], log_scales [N, 3], quats [N, 4] (w x y z, of any length),
/// opacity_logits [N], sh [N, coefficients, 3]. Rows come and go; the tensors stay the same objects.
class GaussianTable {
 public:
  GaussianTable() = default;
  /// Moments of 0. The values learn: the tensors become the table's own.
  explicit GaussianTable(const std::map<std::string, at::Tensor>& values);

  int64_t size() const;
  Column& operator[](const std::string& name) { return columns_.at(name); }
  const Column& operator[](const std::string& name) const { return columns_.at(name); }
  const std::map<std::string, Column>& columns() const { return columns_; }

  /// The rows of those numbers, int64 [K], in that order, are what stays.
  void select(const at::Tensor& rows);
  /// Copies of rows go to the end, with moments of 0.
  void append(const at::Tensor& rows);
  /// Zeros, so many rows.
  void resize(int64_t rows);

 private:
  std::map<std::string, Column> columns_;
};

}  // namespace orrery::scene
