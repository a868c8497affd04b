// Element types of tensors, GGUF's block types among them.
#pragma once

#include <cstdint>
#include <string_view>

namespace orrery {

/// Plain types first, then GGUF block types under ggml's names (ggml-org/ggml, docs/gguf.md).
enum class DType : uint8_t {
  // clang-format off
  kF32, kF16, kBF16, kF64, kF8E4M3, kF8E5M2, kI8, kI16, kI32, kI64, kU8, kU16, kU32, kU64, kBool,
  kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ8_1, kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K, kQ8_K,
  kIQ2_XXS, kIQ2_XS, kIQ3_XXS, kIQ1_S, kIQ4_NL, kIQ3_S, kIQ2_S, kIQ4_XS, kIQ1_M, kTQ1_0, kTQ2_0, kMXFP4, kNVFP4,
  kQ1_0, kQ2_0,
  kCount
  // clang-format on
};

struct DTypeInfo {
  std::string_view name;   ///< "f32", "bf16", "q4_0", "iq2_xxs": lower case, as users type them
  int64_t block_elements;  ///< elements of one block; 1 for plain types
  int64_t block_bytes;     ///< bytes of one block
};

const DTypeInfo& info(DType dtype);
inline std::string_view name(DType dtype) { return info(dtype).name; }
inline bool is_block_type(DType dtype) { return info(dtype).block_elements > 1; }

/// The type of that name in any case ("Q4_0", "q4_0"); kCount where there is none.
DType dtype_from_name(std::string_view name);

/// Bytes of `elements` elements; elements must be a whole number of blocks.
inline int64_t bytes_of(DType dtype, int64_t elements) {
  return elements / info(dtype).block_elements * info(dtype).block_bytes;
}

}  // namespace orrery
