// Between float32 and every element type a tensor may have, GGUF's block types among them.
#pragma once

#include <cstddef>
#include <span>

#include "orrery/base/dtype.h"

namespace orrery::kernels {

/// Values of whole blocks (ggml-org/ggml, ggml-quants; bit for bit what the `gguf` package computes). out.size() is the
/// number of elements; `blocks` holds exactly bytes_of(type, out.size()), at any alignment. Every type is understood;
/// integers and bool become the nearest float. Pure and single-threaded: callers split rows over threads. Throws Error
/// when the sizes disagree or out.size() is not a whole number of blocks.
void dequantize(DType type, std::span<const std::byte> blocks, std::span<float> out);

/// Which types quantize() can make: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q8_1, q2_k-q6_k, q8_k, iq4_nl,
/// iq4_xs, tq1_0, tq2_0, mxfp4, nvfp4.
bool can_quantize(DType type);

/// The nearest blocks, one row or many (values.size() a multiple of the block). `importance`, where given, weighs the
/// squared error of each column: its size is the row's length and divides values.size(); types whose search has no
/// weights ignore it. Values that are not finite: f16, bf16 and f32 keep them; elsewhere NaN counts as 0 and ±infinity
/// as the largest finite float16 (±65504). Pure and single-threaded. Throws Error when the type has no quantiser or the
/// sizes disagree.
void quantize(DType type, std::span<const float> values, std::span<std::byte> blocks,
              std::span<const float> importance = {});

}  // namespace orrery::kernels
