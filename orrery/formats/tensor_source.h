// Where a writer gets a tensor's bytes from.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "orrery/base/tensor_view.h"

namespace orrery::formats {

/// Gives a tensor's bytes when its turn to be written comes: view.bytes of them, which need to stay only until the next
/// call, so that a conversion holds one tensor at a time. The views handed to a writer may have data == nullptr.
using TensorSource = std::function<std::span<const std::byte>(const TensorView&)>;

/// The source of tensors that lie in memory already.
inline std::span<const std::byte> own_bytes(const TensorView& tensor) {
  return {tensor.data, static_cast<size_t>(tensor.bytes)};
}

}  // namespace orrery::formats
