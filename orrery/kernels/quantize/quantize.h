// Between float32 and every element type a tensor may have, GGUF's block types among them.
#pragma once

#include <cstddef>
#include <span>

#include "orrery/base/dtype.h"

namespace orrery::kernels {

/// Values of whole blocks (ggml-org/ggml, ggml-quants): bit for bit what the `gguf` package computes, on every
/// processor. out.size() is the number of elements; `blocks` holds exactly bytes_of(type, out.size()), at any
/// alignment. Every type is understood; integers and bool become the nearest float. Pure and single-threaded: callers
/// split rows over threads. Throws Error when the sizes disagree or out.size() is not a whole number of blocks.
void dequantize(DType type, std::span<const std::byte> blocks, std::span<float> out);

/// Whether quantize() can make the type: f32, f16, bf16, f8e4m3, f8e5m2; q4_0, q4_1, q5_0, q5_1, q8_0, q8_1, q8_k; q2_k
/// to q6_k; iq4_nl, iq4_xs; tq1_0, tq2_0; mxfp4, nvfp4.
bool can_quantize(DType type);

/// The nearest blocks, one row or many; values.size() is a multiple of the block, `blocks` as in dequantize(). Where no
/// search is involved (q8, and without importance q4_0 to q5_1, the ternary types and fp4) equal to ggml's byte for
/// byte; the K-quants and iq4 search for scales, and give the same bytes on every processor. `importance`, where given,
/// weighs the squared error of each column: its size is the row's length and divides values.size(). Types that do not
/// search ignore it. A block never comes out infinite: NaN counts as 0, ±infinity as ±65504, and a scale beyond
/// binary16 saturates. f32, f16, bf16 and f8 keep NaN and infinity as far as they have them. Pure and single-threaded.
/// Throws Error when the type has no quantiser or the sizes disagree.
void quantize(DType type, std::span<const float> values, std::span<std::byte> blocks,
              std::span<const float> importance = {});

}  // namespace orrery::kernels
