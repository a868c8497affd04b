#include "orrery/formats/safetensors_dtype.h"

#include <array>
#include <utility>

namespace orrery::formats {
namespace {

constexpr auto kNames = std::to_array<std::pair<DType, std::string_view>>({
    {DType::kF32, "F32"},
    {DType::kF16, "F16"},
    {DType::kBF16, "BF16"},
    {DType::kF64, "F64"},
    {DType::kF8E4M3, "F8_E4M3"},
    {DType::kF8E5M2, "F8_E5M2"},
    {DType::kI8, "I8"},
    {DType::kI16, "I16"},
    {DType::kI32, "I32"},
    {DType::kI64, "I64"},
    {DType::kU8, "U8"},
    {DType::kU16, "U16"},
    {DType::kU32, "U32"},
    {DType::kU64, "U64"},
    {DType::kBool, "BOOL"},
});

}  // namespace

std::optional<DType> dtype_from_safetensors(std::string_view name) {
  for (const auto& [dtype, theirs] : kNames) {
    if (theirs == name) return dtype;
  }
  return std::nullopt;
}

std::optional<std::string_view> safetensors_from_dtype(DType dtype) {
  for (const auto& [ours, name] : kNames) {
    if (ours == dtype) return name;
  }
  return std::nullopt;
}

std::string safetensors_dtypes() {
  std::string all;
  for (const auto& [dtype, name] : kNames) all += (all.empty() ? "" : ", ") + std::string(name);
  return all;
}

}  // namespace orrery::formats
