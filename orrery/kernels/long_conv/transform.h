// The Fourier transform behind long_conv, many channels at once.
//
// The ring is C[x] / (x^n - i). A real sequence a of 2n terms stands in it as a[j] + i · a[j + n]: since x^n = i,
// products are those of real sequences modulo x^2n + 1 (a "right-angle" transform: nothing has to be untangled
// afterwards). With n inputs, zeros behind them and 2n taps, the upper n terms of the product, its imaginary parts, are
// free of wrap-around. x^n - e^(iθ) = (x^(n/2) - e^(iθ/2)) (x^(n/2) + e^(iθ/2)): a step multiplies all of a block's
// second half with one number, which depends on the block's place in the tree alone, and nothing is ever permuted: the
// points end in an order that the inverse transform starts from.
#pragma once

#include <cstdint>

namespace orrery::kernels {

/// e^(iθ/2) of every node of the tree of halvings as pairs (re, im), for blocks of at most `points`: node 1 is the
/// root, 2k and 2k + 1 are the halves of k. Computed once for every size; any thread may ask.
const float* conv_roots(int64_t points);

}  // namespace orrery::kernels
