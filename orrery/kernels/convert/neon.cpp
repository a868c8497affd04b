// binary16 through the conversions that every AArch64 processor has. Moves 6 bytes per value.
#include <arm_neon.h>

#include <cstring>

#include "orrery/kernels/convert/bulk.h"

namespace orrery::kernels::neon {

void f16_to_f32(const uint16_t* in, float* out, size_t count) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) vst1q_f32(out + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(in + i))));
  if (i == count) return;
  uint16_t last_in[4] = {};
  float last_out[4];
  memcpy(last_in, in + i, (count - i) * sizeof(uint16_t));
  f16_to_f32(last_in, last_out, 4);
  memcpy(out + i, last_out, (count - i) * sizeof(float));
}

void f32_to_f16(const float* in, uint16_t* out, size_t count) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) vst1_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(in + i))));
  if (i == count) return;
  float last_in[4] = {};
  uint16_t last_out[4];
  memcpy(last_in, in + i, (count - i) * sizeof(float));
  f32_to_f16(last_in, last_out, 4);
  memcpy(out + i, last_out, (count - i) * sizeof(uint16_t));
}

}  // namespace orrery::kernels::neon
