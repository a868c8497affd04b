// Tensors as spans, cut for threads.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <span>

namespace orrery::train {

inline constexpr int64_t kPiece = 1 << 16;  // values of a thread's turn: a float32 stream of it is 256 KiB

template <typename T>
std::span<T> span_of(const at::Tensor& tensor, int64_t first, int64_t count) {
  return {tensor.data_ptr<T>() + first, static_cast<size_t>(count)};
}
template <typename T>
std::span<T> span_of(const at::Tensor& tensor) {
  return span_of<T>(tensor, 0, tensor.numel());
}

/// work(first, count) for all pieces of `size` values; their bounds are the same on any number of threads.
template <typename Work>
void for_pieces(int64_t size, const Work& work) {
  at::parallel_for(0, (size + kPiece - 1) / kPiece, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) work(piece * kPiece, std::min(kPiece, size - piece * kPiece));
  });
}

}  // namespace orrery::train
