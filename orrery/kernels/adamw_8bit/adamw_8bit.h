// A step of AdamW whose two moments are kept in 8 bits (Dettmers et al. 2022, "8-bit Optimizers via Block-wise
// Quantization"): dynamic codes, a scale per block.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "orrery/kernels/adamw/adamw.h"

namespace orrery::kernels {

inline constexpr size_t kMomentBlock = 256;  ///< values that share a scale

/// What the 256 codes stand for, ascending, between -1 and 1 or, unsigned, 0 and 1 (sec. 2.1, "dynamic quantization").
/// Seven decades: of the k-th from below, 2ᵏ values (unsigned: 2ᵏ⁺¹) in the middles of equal parts of its 0.1 to 1;
/// their negatives; 0; and 1 itself.
std::array<float, 256> dynamic_code(bool is_signed);

/// Moments of n values: n codes and ⌈n / kMomentBlock⌉ scales, each the largest magnitude of its block; the last block
/// may be short.
struct Moments8bit {
  std::span<uint8_t> codes;
  std::span<float> scales;
};

/// What `adamw` does, on moments that are dequantised before and quantised to the nearest code after. The parameters
/// move by the moments before they are quantised. v is unsigned, and of what is not 0 nothing becomes 0: m over a lost
/// √v would leap. 16 bytes move per value. Values do not depend on where a span is cut, as long as that is between
/// blocks.
void adamw_8bit(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients,
                const Moments8bit& m, const Moments8bit& v);

/// In plain loops, in float64 between loads and stores.
void adamw_8bit_reference(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients,
                          const Moments8bit& m, const Moments8bit& v);

}  // namespace orrery::kernels
