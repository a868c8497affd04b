// AVX2 with FMA and F16C. 8 rows to a register. vpmaddubsw adds pairs of products in int16, which saturates: 8 pairs of
// 4-bit weights stay below 2^15, 4 of 5 bits and 2 of 6 bits, so these are summed in int16 before vpmaddwd widens them.
// 8 bits: |w|·(x with the sign of w) is at most 2·128·127 a pair, which must be widened at once.
#include <immintrin.h>

#include <cstring>

#include "orrery/kernels/matmul/tiles.h"

namespace orrery::kernels {
namespace {

struct Avx2 {
  static constexpr int kLanes = 8;
  using Floats = __m256;
  using Ints = __m256i;
  using Bytes = __m256i;

  static ORRERY_INLINE Floats all(float value) { return _mm256_set1_ps(value); }
  static ORRERY_INLINE Floats load(const float* at) { return _mm256_load_ps(at); }
  static ORRERY_INLINE Floats load_unaligned(const float* at) { return _mm256_loadu_ps(at); }
  static ORRERY_INLINE void store(float* at, Floats a) { _mm256_store_ps(at, a); }
  static ORRERY_INLINE Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static ORRERY_INLINE Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
  static ORRERY_INLINE Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static ORRERY_INLINE Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static ORRERY_INLINE Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
  static ORRERY_INLINE Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
  static ORRERY_INLINE Floats abs(Floats a) { return _mm256_andnot_ps(all(-0.0f), a); }
  static ORRERY_INLINE float sum_of(Floats a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
  static ORRERY_INLINE float max_of(Floats a) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
  }

  static ORRERY_INLINE Floats f16_at(const std::byte* at) {
    return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(at)));
  }
  static ORRERY_INLINE Floats bf16_at(const std::byte* at) {
    const __m256i bits = _mm256_cvtepu16_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(at)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
  }
  static ORRERY_INLINE Floats u8_at(const std::byte* at) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
  }
  static ORRERY_INLINE Floats i8_at(const std::byte* at) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
  }

  static ORRERY_INLINE Ints all(int32_t value) { return _mm256_set1_epi32(value); }
  static ORRERY_INLINE Ints load(const int32_t* at) { return bytes_at(at); }
  static ORRERY_INLINE void store(int32_t* at, Ints a) { _mm256_store_si256(reinterpret_cast<__m256i*>(at), a); }
  static ORRERY_INLINE Ints add(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
  static ORRERY_INLINE Ints times_256(Ints a) { return _mm256_slli_epi32(a, 8); }
  static ORRERY_INLINE Floats to_floats(Ints a) { return _mm256_cvtepi32_ps(a); }
  static ORRERY_INLINE Ints rounded(Floats a) { return _mm256_cvtps_epi32(a); }  // ties to even
  static ORRERY_INLINE int32_t sum_of(Ints a) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
  }
  static ORRERY_INLINE void store_narrowed(int8_t* at, const Ints (&a)[4]) {
    const __m256i mixed = _mm256_packs_epi16(_mm256_packs_epi32(a[0], a[1]), _mm256_packs_epi32(a[2], a[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);  // packs work within 128 bits
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), _mm256_permutevar8x32_epi32(mixed, order));
  }

  static ORRERY_INLINE Bytes bytes_at(const void* at) { return _mm256_load_si256(static_cast<const __m256i*>(at)); }
  static ORRERY_INLINE void store(uint8_t* at, Bytes a) { _mm256_store_si256(reinterpret_cast<__m256i*>(at), a); }
  static ORRERY_INLINE Bytes plus(Bytes a, int b) { return _mm256_add_epi8(a, _mm256_set1_epi8(static_cast<char>(b))); }
  static ORRERY_INLINE Bytes flip(Bytes a, int bits) {
    return _mm256_xor_si256(a, _mm256_set1_epi8(static_cast<char>(bits)));
  }
  // The shifts move bits between the bytes of a pair, which or_pair leaves out.
  template <int kBits>
  static ORRERY_INLINE Bytes left(Bytes a) {
    return _mm256_slli_epi16(a, kBits);
  }
  template <int kBits>
  static ORRERY_INLINE Bytes right(Bytes a) {
    return _mm256_srli_epi16(a, kBits);
  }
  static ORRERY_INLINE Bytes or_pair(Bytes a, Bytes bits_4_and_5) {
    return _mm256_or_si256(a, _mm256_and_si256(bits_4_and_5, _mm256_set1_epi8(0x30)));
  }
  static ORRERY_INLINE Bytes low_nibbles(Bytes a) { return _mm256_and_si256(a, _mm256_set1_epi8(15)); }
  static ORRERY_INLINE Bytes high_nibbles(Bytes a) { return low_nibbles(right<4>(a)); }
  static ORRERY_INLINE Bytes table(const uint8_t (&row)[16], int flipped) {
    return flip(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row))), flipped);
  }
  static ORRERY_INLINE Bytes look_up(Bytes table, Bytes nibbles) { return _mm256_shuffle_epi8(table, nibbles); }
  // Adds 16 to byte i where bit i of the 32 at `bits` is set: its byte comes to all 8, each keeps one bit.
  static ORRERY_INLINE Bytes or_16_where(Bytes a, const std::byte* bits) {
    const __m256i from = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  //
                                          2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i own = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
    const __m256i kept = _mm256_and_si256(_mm256_shuffle_epi8(int32_at(bits), from), own);
    return _mm256_or_si256(a, _mm256_and_si256(_mm256_cmpeq_epi8(kept, own), _mm256_set1_epi8(16)));
  }

  // sum + Σ of 4·kVectors columns.
  template <int kBits, int kVectors>
  static ORRERY_INLINE Ints dot(Ints sum, const Bytes* q, const int8_t* x) {
    constexpr int kHolds = kBits == 4 ? 8 : kBits == 5 ? 4 : kBits == 6 ? 2 : 1;
    static_assert(kHolds * 2 * 127 * (kBits == 8 ? 128 : (1 << kBits) - 1) < 1 << 15);
    constexpr int kPairs = kHolds < kVectors ? kHolds : kVectors;
    const __m256i ones = _mm256_set1_epi16(1);
    for (int j = 0; j < kVectors; j += kPairs) {
      __m256i pairs = products<kBits>(q[j], x + 4 * j);
      for (int i = j + 1; i < j + kPairs; ++i) pairs = _mm256_add_epi16(pairs, products<kBits>(q[i], x + 4 * i));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
    return sum;
  }

 private:
  template <class T>
  static ORRERY_INLINE __m256i int32_at(const T* at) {
    int32_t value;
    std::memcpy(&value, at, 4);
    return _mm256_set1_epi32(value);
  }
  template <int kBits>
  static ORRERY_INLINE __m256i products(Bytes q, const int8_t* x) {
    if constexpr (kBits == 8) return _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(int32_at(x), q));
    return _mm256_maddubs_epi16(q, int32_at(x));
  }
};

}  // namespace

const MatmulSet& matmul_avx2() { return matmul_of<Avx2>(); }

}  // namespace orrery::kernels
