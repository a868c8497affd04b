// Weights times activations: y[t, r] = Σ_k w[r, k]·x[t, k], for every packed kind.
//
// Block kinds multiply integers: activations are rounded to int8 with one scale per 32 columns, products are summed
// exactly in int32 within a block, blocks are added in float32 in the order of the columns, and the sum of the mins
// comes last. Float kinds add in the order of the columns. So the result for a token depends on nothing but its row:
// not on the batch, the group or the number of threads.
#pragma once

#include <cstdint>

#include "orrery/kernels/matmul/packed_matrix.h"
#include "orrery/kernels/matmul/packed_rows.h"

namespace orrery::kernels {

enum class MatmulOutput {
  kStore,      ///< out[t, r] = y[t, r]
  kAdd,        ///< out[t, r] += y[t, r]
  kSwiglu,     ///< strips 2i and 2i+1 hold 16 rows of gate and up: out[t, 16i + j] = silu(gate)·up (Shazeer 2020)
  kGegluTanh,  ///< the same with gelu, its tanh form, for silu (kernels/activation)
  kGegluErf,   ///< and with its exact form
};
constexpr bool is_gated(MatmulOutput mode) { return mode >= MatmulOutput::kSwiglu; }

/// Computes strips [first_strip, last_strip) for all rows of x; even bounds for a gated mode. x is quantized exactly
/// when the kind is a block kind. out [x.rows, out_stride]; writes whole rows of w only, never past them. Reads each
/// strip once when x has at most 16 rows. Safe from many threads on disjoint strips.
void matmul(const PackedMatrix& w, const PackedRows& x, int64_t first_strip, int64_t last_strip, MatmulOutput mode,
            float* out, int64_t out_stride);

}  // namespace orrery::kernels
