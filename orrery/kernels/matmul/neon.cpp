// NEON with the dot products of ARMv8.2. 4 rows to a register; sdot takes its 4 activations straight from a lane.
#include <arm_neon.h>

#include <cstring>

#include "orrery/kernels/matmul/tiles.h"

namespace orrery::kernels {
namespace {

struct Neon {
  static constexpr int kLanes = 4;
  using Floats = float32x4_t;
  using Ints = int32x4_t;
  using Bytes = uint8x16_t;

  static ORRERY_INLINE Floats all(float value) { return vdupq_n_f32(value); }
  static ORRERY_INLINE Floats load(const float* at) { return vld1q_f32(at); }
  static ORRERY_INLINE Floats load_unaligned(const float* at) { return vld1q_f32(at); }
  static ORRERY_INLINE void store(float* at, Floats a) { vst1q_f32(at, a); }
  static ORRERY_INLINE Floats add(Floats a, Floats b) { return vaddq_f32(a, b); }
  static ORRERY_INLINE Floats sub(Floats a, Floats b) { return vsubq_f32(a, b); }
  static ORRERY_INLINE Floats mul(Floats a, Floats b) { return vmulq_f32(a, b); }
  static ORRERY_INLINE Floats fma(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
  static ORRERY_INLINE Floats min(Floats a, Floats b) { return vminq_f32(a, b); }
  static ORRERY_INLINE Floats max(Floats a, Floats b) { return vmaxq_f32(a, b); }
  static ORRERY_INLINE Floats abs(Floats a) { return vabsq_f32(a); }
  static ORRERY_INLINE float sum_of(Floats a) { return vaddvq_f32(a); }
  static ORRERY_INLINE float max_of(Floats a) { return vmaxvq_f32(a); }

  static ORRERY_INLINE Floats f16_at(const std::byte* at) {
    return vcvt_f32_f16(vld1_f16(reinterpret_cast<const float16_t*>(at)));
  }
  static ORRERY_INLINE Floats bf16_at(const std::byte* at) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(reinterpret_cast<const uint16_t*>(at)), 16));
  }
  static ORRERY_INLINE Floats u8_at(const std::byte* at) {
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(uint32_at(at)))))));
  }
  static ORRERY_INLINE Floats i8_at(const std::byte* at) {
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(uint32_at(at)))))));
  }

  static ORRERY_INLINE Ints all(int32_t value) { return vdupq_n_s32(value); }
  static ORRERY_INLINE Ints load(const int32_t* at) { return vld1q_s32(at); }
  static ORRERY_INLINE void store(int32_t* at, Ints a) { vst1q_s32(at, a); }
  static ORRERY_INLINE Ints add(Ints a, Ints b) { return vaddq_s32(a, b); }
  static ORRERY_INLINE Ints times_256(Ints a) { return vshlq_n_s32(a, 8); }
  static ORRERY_INLINE Floats to_floats(Ints a) { return vcvtq_f32_s32(a); }
  static ORRERY_INLINE Ints rounded(Floats a) { return vcvtnq_s32_f32(a); }  // ties to even
  static ORRERY_INLINE int32_t sum_of(Ints a) { return vaddvq_s32(a); }
  static ORRERY_INLINE void store_narrowed(int8_t* at, const Ints (&a)[8]) {
    for (int i = 0; i < 8; i += 4) {
      const int16x8_t low = vcombine_s16(vqmovn_s32(a[i]), vqmovn_s32(a[i + 1]));
      const int16x8_t high = vcombine_s16(vqmovn_s32(a[i + 2]), vqmovn_s32(a[i + 3]));
      vst1q_s8(at + 4 * i, vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
    }
  }

  static ORRERY_INLINE Bytes bytes_at(const void* at) { return vld1q_u8(static_cast<const uint8_t*>(at)); }
  static ORRERY_INLINE void store(uint8_t* at, Bytes a) { vst1q_u8(at, a); }
  static ORRERY_INLINE Bytes plus(Bytes a, int b) { return vaddq_u8(a, vdupq_n_u8(static_cast<uint8_t>(b))); }
  static ORRERY_INLINE Bytes flip(Bytes a, int bits) { return veorq_u8(a, vdupq_n_u8(static_cast<uint8_t>(bits))); }
  template <int kBits>
  static ORRERY_INLINE Bytes left(Bytes a) {
    return vshlq_n_u8(a, kBits);
  }
  template <int kBits>
  static ORRERY_INLINE Bytes right(Bytes a) {
    return vshrq_n_u8(a, kBits);
  }
  static ORRERY_INLINE Bytes or_pair(Bytes a, Bytes bits_4_and_5) {
    return vorrq_u8(a, vandq_u8(bits_4_and_5, vdupq_n_u8(0x30)));
  }
  static ORRERY_INLINE Bytes low_nibbles(Bytes a) { return vandq_u8(a, vdupq_n_u8(15)); }
  static ORRERY_INLINE Bytes high_nibbles(Bytes a) { return right<4>(a); }
  static ORRERY_INLINE Bytes table(const uint8_t (&row)[16], int flipped) { return flip(vld1q_u8(row), flipped); }
  static ORRERY_INLINE Bytes look_up(Bytes table, Bytes nibbles) { return vqtbl1q_u8(table, nibbles); }
  // Adds 16 to byte i where bit i of the 16 at `bits` is set: its byte comes to all 8, each tests one bit.
  static ORRERY_INLINE Bytes or_16_where(Bytes a, const std::byte* bits) {
    const uint8x8_t own = vcreate_u8(0x8040201008040201);
    const auto* bytes = reinterpret_cast<const uint8_t*>(bits);
    const Bytes spread = vcombine_u8(vld1_dup_u8(bytes), vld1_dup_u8(bytes + 1));
    return vorrq_u8(a, vandq_u8(vtstq_u8(spread, vcombine_u8(own, own)), vdupq_n_u8(16)));
  }

  // sum + Σ of 4·kVectors columns. Weights of fewer than 8 bits are below 128, so they are signed as they are.
  template <int kBits, int kVectors>
  static ORRERY_INLINE Ints dot(Ints sum, const Bytes* q, const int8_t* x) {
    sum = dot16(sum, q, vld1q_s8(x));
    return kVectors == 4 ? sum : dot16(sum, q + 4, vld1q_s8(x + 16));
  }

 private:
  static ORRERY_INLINE uint32_t uint32_at(const std::byte* at) {
    uint32_t value;
    std::memcpy(&value, at, 4);
    return value;
  }
  static ORRERY_INLINE Ints dot16(Ints sum, const Bytes* q, int8x16_t x) {
    sum = vdotq_laneq_s32(sum, vreinterpretq_s8_u8(q[0]), x, 0);
    sum = vdotq_laneq_s32(sum, vreinterpretq_s8_u8(q[1]), x, 1);
    sum = vdotq_laneq_s32(sum, vreinterpretq_s8_u8(q[2]), x, 2);
    return vdotq_laneq_s32(sum, vreinterpretq_s8_u8(q[3]), x, 3);
  }
};

}  // namespace

const MatmulSet& matmul_neon() { return matmul_of<Neon>(); }

}  // namespace orrery::kernels
