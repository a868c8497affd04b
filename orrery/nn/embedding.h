// Rows of a matrix of embeddings.
#pragma once

#include <ATen/core/Tensor.h>

namespace orrery::nn {

/// Row tokens[i] of weight for each i, [n, size] float32. weight [vocabulary, size] float32, tokens [n] int64. Its
/// gradient goes to these rows alone, where at::embedding would make one of the whole matrix.
at::Tensor embedding_rows(const at::Tensor& weight, const at::Tensor& tokens);

}  // namespace orrery::nn
