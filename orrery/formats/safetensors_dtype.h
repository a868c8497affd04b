// The names that safetensors gives to element types.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "orrery/base/dtype.h"

namespace orrery::formats {

std::optional<DType> dtype_from_safetensors(std::string_view name);
/// nullopt for GGUF's block types.
std::optional<std::string_view> safetensors_from_dtype(DType dtype);
/// All of them, for messages: "F32, F16, …".
std::string safetensors_dtypes();

}  // namespace orrery::formats
