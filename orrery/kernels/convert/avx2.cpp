// binary16 through F16C, which every processor with AVX2 has. Moves 6 bytes per value.
#include <immintrin.h>

#include <cstring>

#include "orrery/kernels/convert/bulk.h"

namespace orrery::kernels::avx2 {

void f16_to_f32(const uint16_t* in, float* out, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
  }
  if (i == count) return;
  uint16_t last_in[8] = {};
  float last_out[8];
  memcpy(last_in, in + i, (count - i) * sizeof(uint16_t));
  f16_to_f32(last_in, last_out, 8);
  memcpy(out + i, last_out, (count - i) * sizeof(float));
}

void f32_to_f16(const float* in, uint16_t* out, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  if (i == count) return;
  float last_in[8] = {};
  uint16_t last_out[8];
  memcpy(last_in, in + i, (count - i) * sizeof(float));
  f32_to_f16(last_in, last_out, 8);
  memcpy(out + i, last_out, (count - i) * sizeof(uint16_t));
}

}  // namespace orrery::kernels::avx2
