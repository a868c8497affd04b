// The levels that the codes of non-uniform block types stand for (ggml-org/ggml, ggml-common; format data).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace orrery::kernels {

/// One grid row per index, one level per byte, first level in the lowest byte. IQ1's levels are signed (-1, 0, 1).
extern const std::array<uint64_t, 256> kIq2XxsGrid;
extern const std::array<uint64_t, 512> kIq2XsGrid;
extern const std::array<uint64_t, 1024> kIq2SGrid;
extern const std::array<uint32_t, 256> kIq3XxsGrid;
extern const std::array<uint32_t, 512> kIq3SGrid;
extern const std::array<uint64_t, 2048> kIq1Grid;

/// IQ4_NL and IQ4_XS: sixteen levels that lie denser near zero.
inline constexpr std::array<int8_t, 16> kIq4Levels = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                      1,    13,   25,  38,  53,  69,  89,  113};

/// MXFP4 and NVFP4: twice the value of the 4-bit float e2m1 (OCP Microscaling Formats 1.0, sec. 5.3.3); the upper half
/// is negative.
inline constexpr std::array<int8_t, 16> kFp4Levels = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace orrery::kernels
