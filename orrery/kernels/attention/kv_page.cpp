#include "orrery/kernels/attention/kv_page.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "orrery/kernels/convert/convert.h"

namespace orrery::kernels {
namespace {

// Where element `dim` of token `slot` stands: keys are transposed, values are not.
struct Place {
  int64_t first, step;              // of elements
  int64_t first_scale, scale_step;  // of scales, one per 32 dimensions
};
Place key_place(int64_t slot) { return {slot, kPageTokens, slot, kPageTokens}; }
Place value_place(const KvFormat& format, int64_t slot) {
  return {slot * format.head_dim, 1, slot * (format.head_dim / 32), 1};
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
  auto* out = reinterpret_cast<int8_t*>(part) + place.first;
  auto* scales = reinterpret_cast<uint16_t*>(part + format.elements()) + place.first_scale;
  for (int64_t block = 0; block < dims / 32; ++block) {
    float largest = 0;
    for (int64_t i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(x[block * 32 + i]));
    const uint16_t scale = f32_to_f16(largest / 127.0f);
    scales[block * place.scale_step] = scale;
    const float inverse = f16_to_f32(scale) > 0 ? 1.0f / f16_to_f32(scale) : 0.0f;
    for (int64_t i = 0; i < 32; ++i) {
      const float q = std::nearbyint(x[block * 32 + i] * inverse);
      out[(block * 32 + i) * place.step] = static_cast<int8_t>(std::clamp(q, -127.0f, 127.0f));
    }
  }
}

void read(const KvFormat& format, const std::byte* part, const Place& place, float* out) {
  for (int64_t i = 0; i < format.head_dim; ++i) {
    const int64_t at = place.first + i * place.step;
    if (format.dtype == DType::kF32) {
      out[i] = reinterpret_cast<const float*>(part)[at];
    } else if (format.dtype == DType::kF16) {
      out[i] = f16_to_f32(reinterpret_cast<const uint16_t*>(part)[at]);
    } else {
      const auto* scales = reinterpret_cast<const uint16_t*>(part + format.elements());
      out[i] =
          reinterpret_cast<const int8_t*>(part)[at] * f16_to_f32(scales[place.first_scale + i / 32 * place.scale_step]);
    }
  }
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
