#include "orrery/kernels/attention/kv_page.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "orrery/kernels/convert/convert.h"

namespace orrery::kernels {
namespace {

// Where element `dim` of token `slot` stands: keys are transposed, values are not.
struct Place {
  int64_t first, step;               // of elements; step also of bytes of 4-bit pairs
  int64_t first_scale, scale_step;   // of scales, one per 32 dimensions
  int64_t first_pair;                // of 4-bit pairs:
  int64_t pair_step, pair_distance;  // pair i of a block is dimensions i·pair_step and that + pair_distance
};
Place key_place(int64_t slot) { return {slot, kPageTokens, slot, kPageTokens, slot, 2, 1}; }
Place value_place(const KvFormat& format, int64_t slot) {
  return {slot * format.head_dim, 1, slot * (format.head_dim / 32), 1, slot * format.head_dim / 2, 1, 16};
}

// 32 values in [-127, 127] steps of the scale that is returned, as float16 bits.
uint16_t round_to_8_bits(const float* x, int8_t* q) {
  float largest = 0;
  for (int64_t i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(x[i]));
  const uint16_t scale = f32_to_f16(largest / 127.0f);
  const float inverse = f16_to_f32(scale) > 0 ? 1.0f / f16_to_f32(scale) : 0.0f;
  for (int64_t i = 0; i < 32; ++i)
    q[i] = static_cast<int8_t>(std::clamp(std::nearbyint(x[i] * inverse), -127.0f, 127.0f));
  return scale;
}

// 32 values as q in [0, 15], x ≈ scale·(q - 8). As in ggml's q4_0 the value of largest magnitude becomes -8, so the
// scale has its sign reversed.
uint16_t round_to_4_bits(const float* x, int8_t* q) {
  float extreme = 0;
  for (int64_t i = 0; i < 32; ++i) extreme = std::fabs(x[i]) > std::fabs(extreme) ? x[i] : extreme;
  const uint16_t scale = f32_to_f16(extreme / -8.0f);
  const float rounded = f16_to_f32(scale), inverse = rounded != 0 ? 1.0f / rounded : 0.0f;
  for (int64_t i = 0; i < 32; ++i)
    q[i] = static_cast<int8_t>(std::clamp(std::nearbyint(x[i] * inverse) + 8.0f, 0.0f, 15.0f));
  return scale;
}

void write(const KvFormat& format, std::byte* part, const Place& place, const float* x) {
  const int64_t dims = format.head_dim;
  if (format.dtype == DType::kF32) {
    auto* out = reinterpret_cast<float*>(part) + place.first;
    for (int64_t i = 0; i < dims; ++i) out[i * place.step] = x[i];
    return;
  }
  if (format.dtype == DType::kF16) {
    auto* out = reinterpret_cast<uint16_t*>(part) + place.first;
    uint16_t halves[64];
    for (int64_t from = 0; from < dims; from += 64) {
      const int64_t count = std::min<int64_t>(64, dims - from);
      f32_to_f16({x + from, static_cast<size_t>(count)}, {halves, static_cast<size_t>(count)});
      for (int64_t i = 0; i < count; ++i) out[(from + i) * place.step] = halves[i];
    }
    return;
  }
  auto* scales = reinterpret_cast<uint16_t*>(part + format.element_bytes()) + place.first_scale;
  for (int64_t block = 0; block < dims / 32; ++block) {
    int8_t q[32];
    const float* from = x + block * 32;
    scales[block * place.scale_step] =
        format.dtype == DType::kQ8_0 ? round_to_8_bits(from, q) : round_to_4_bits(from, q);
    if (format.dtype == DType::kQ8_0) {
      auto* out = reinterpret_cast<int8_t*>(part) + place.first + block * 32 * place.step;
      for (int64_t i = 0; i < 32; ++i) out[i * place.step] = q[i];
    } else {
      auto* out = reinterpret_cast<uint8_t*>(part) + place.first_pair + block * 16 * place.step;
      for (int64_t i = 0; i < 16; ++i) {
        const int64_t low = i * place.pair_step;
        out[i * place.step] = static_cast<uint8_t>(q[low] | q[low + place.pair_distance] << 4);
      }
    }
  }
}

float element(const KvFormat& format, const std::byte* part, const Place& place, int64_t dim) {
  const int64_t at = place.first + dim * place.step;
  if (format.dtype == DType::kF32) return reinterpret_cast<const float*>(part)[at];
  if (format.dtype == DType::kF16) return f16_to_f32(reinterpret_cast<const uint16_t*>(part)[at]);
  const auto* scales = reinterpret_cast<const uint16_t*>(part + format.element_bytes());
  const float scale = f16_to_f32(scales[place.first_scale + dim / 32 * place.scale_step]);
  if (format.dtype == DType::kQ8_0) return reinterpret_cast<const int8_t*>(part)[at] * scale;
  const int64_t in_block = dim % 32, upper = in_block / place.pair_distance % 2;
  const int64_t pair = dim / 32 * 16 + (in_block - upper * place.pair_distance) / place.pair_step;
  const int byte = reinterpret_cast<const uint8_t*>(part)[place.first_pair + pair * place.step];
  return static_cast<float>((byte >> 4 * upper & 15) - 8) * scale;
}

void read(const KvFormat& format, const std::byte* part, const Place& place, float* out) {
  for (int64_t dim = 0; dim < format.head_dim; ++dim) out[dim] = element(format, part, place, dim);
}

}  // namespace

void write_kv(const KvFormat& format, std::byte* page, int64_t head, int64_t slot, const float* key,
              const float* value) {
  write(format, format.keys(page, head), key_place(slot), key);
  write(format, format.values(page, head), value_place(format, slot), value);
}

void read_key(const KvFormat& format, const std::byte* page, int64_t head, int64_t slot, float* out) {
  read(format, format.keys(page, head), key_place(slot), out);
}

void read_value(const KvFormat& format, const std::byte* page, int64_t head, int64_t slot, float* out) {
  read(format, format.values(page, head), value_place(format, slot), out);
}

}  // namespace orrery::kernels
