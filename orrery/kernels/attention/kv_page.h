// Pages of the key and value cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "orrery/base/dtype.h"

namespace orrery::kernels {

inline constexpr int64_t kPageTokens = 64;

/// What a page of one layer holds: for each of kv_heads, 64 keys (key_copies times), then 64 values.
///   keys    [head_dim][64]: a dimension of 16 keys is a vector, so scores need no sum across lanes
///   values  [64][head_dim]
/// dtype f32 or f16; or q8_0: int8 in the same order, followed by float16 scales, keys' [head_dim/32][64], values'
/// [64][head_dim/32]; or q4_0: 4 bits, d·(q - 8), two dimensions of one token to a byte, the lower half first (tokens
/// are written from different threads, so no two share a byte), followed by the same scales:
///   keys    [head_dim/2][64]    dimensions 2i and 2i + 1
///   values  [64][head_dim/32][16]    dimensions i and i + 16 of 32
/// With scales head_dim is a multiple of 32. Every part is 64-byte aligned.
struct KvFormat {
  DType dtype = DType::kF16;
  int64_t kv_heads = 0, head_dim = 0;
  int64_t key_copies = 1;  ///< 2: keys are kept in two rotations (Self-Extend)
  int64_t key_copy = 0;    ///< the one that keys() gives

  int64_t elements() const { return kPageTokens * head_dim; }
  bool has_scales() const { return dtype == DType::kQ8_0 || dtype == DType::kQ4_0; }
  /// Bytes of a part without its scales: where these start.
  int64_t element_bytes() const {
    if (dtype == DType::kQ4_0) return elements() / 2;
    return elements() * (dtype == DType::kF32 ? 4 : dtype == DType::kF16 ? 2 : 1);
  }
  /// Bytes of the keys (or of the values) of one head.
  int64_t part_bytes() const { return element_bytes() + (has_scales() ? elements() / 32 * 2 : 0); }
  int64_t head_bytes() const { return (key_copies + 1) * part_bytes(); }
  int64_t page_bytes() const { return kv_heads * head_bytes(); }
  int64_t keys_offset(int64_t head) const { return head * head_bytes() + key_copy * part_bytes(); }
  int64_t values_offset(int64_t head) const { return head * head_bytes() + key_copies * part_bytes(); }
  std::byte* keys(std::byte* page, int64_t head) const { return page + keys_offset(head); }
  std::byte* values(std::byte* page, int64_t head) const { return page + values_offset(head); }
  const std::byte* keys(const std::byte* page, int64_t head) const { return page + keys_offset(head); }
  const std::byte* values(const std::byte* page, int64_t head) const { return page + values_offset(head); }
};

/// The types that pages may have.
constexpr bool is_page_type(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kQ8_0 || dtype == DType::kQ4_0;
}

/// Writes one token's key and value of one head, each [head_dim], rounded to the page's type, into slot (0-63) of a
/// page.
void write_kv(const KvFormat& format, std::byte* page, int64_t head, int64_t slot, const float* key,
              const float* value);

/// Reads key or value of one token back as floats [head_dim].
void read_key(const KvFormat& format, const std::byte* page, int64_t head, int64_t slot, float* out);
void read_value(const KvFormat& format, const std::byte* page, int64_t head, int64_t slot, float* out);

}  // namespace orrery::kernels
