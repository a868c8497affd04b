// The instruction sets' own loops behind the bulk conversions of convert.h: `count` values, any alignment.
#pragma once

#include <cstddef>
#include <cstdint>

namespace orrery::kernels::avx2 {
void f16_to_f32(const uint16_t* in, float* out, size_t count);
void f32_to_f16(const float* in, uint16_t* out, size_t count);
}  // namespace orrery::kernels::avx2

namespace orrery::kernels::neon {
void f16_to_f32(const uint16_t* in, float* out, size_t count);
void f32_to_f16(const float* in, uint16_t* out, size_t count);
}  // namespace orrery::kernels::neon
