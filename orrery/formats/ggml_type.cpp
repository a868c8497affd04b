// ggml's numbering of tensor types (ggml-org/ggml, include/ggml.h, enum ggml_type). Numbers 4, 5, 31 to 33 and 36 to 38
// were removed there: files with them must be made again from their originals.
#include <array>

#include "orrery/formats/gguf.h"

namespace orrery::formats {
namespace {

struct Pair {
  uint32_t ggml;
  DType dtype;
};

constexpr std::array kPairs = std::to_array<Pair>({
    {0, DType::kF32},     {1, DType::kF16},      {2, DType::kQ4_0},   {3, DType::kQ4_1},    {6, DType::kQ5_0},
    {7, DType::kQ5_1},    {8, DType::kQ8_0},     {9, DType::kQ8_1},   {10, DType::kQ2_K},   {11, DType::kQ3_K},
    {12, DType::kQ4_K},   {13, DType::kQ5_K},    {14, DType::kQ6_K},  {15, DType::kQ8_K},   {16, DType::kIQ2_XXS},
    {17, DType::kIQ2_XS}, {18, DType::kIQ3_XXS}, {19, DType::kIQ1_S}, {20, DType::kIQ4_NL}, {21, DType::kIQ3_S},
    {22, DType::kIQ2_S},  {23, DType::kIQ4_XS},  {24, DType::kI8},    {25, DType::kI16},    {26, DType::kI32},
    {27, DType::kI64},    {28, DType::kF64},     {29, DType::kIQ1_M}, {30, DType::kBF16},   {34, DType::kTQ1_0},
    {35, DType::kTQ2_0},  {39, DType::kMXFP4},   {40, DType::kNVFP4}, {41, DType::kQ1_0},   {42, DType::kQ2_0},
});

}  // namespace

std::optional<uint32_t> ggml_type_from_dtype(DType dtype) {
  for (const Pair& pair : kPairs) {
    if (pair.dtype == dtype) return pair.ggml;
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_ggml_type(uint32_t type) {
  for (const Pair& pair : kPairs) {
    if (pair.ggml == type) return pair.dtype;
  }
  return std::nullopt;
}

}  // namespace orrery::formats
