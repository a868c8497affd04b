// Tensors that the system may keep on the disk.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace orrery::train {

/// Zeros in a file of the folder that has no name and is gone with the tensor: where memory is short, the system writes
/// pages of it out and reads them when they are asked for. On the CPU, contiguous. Makes the folder where it is
/// missing; throws Error where the disk has no room for the whole tensor.
at::Tensor paged_zeros(at::IntArrayRef sizes, at::ScalarType type, const std::filesystem::path& folder);

}  // namespace orrery::train
