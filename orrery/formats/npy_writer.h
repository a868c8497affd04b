// NumPy's .npy files (NEP 1, "A Simple File Format for NumPy Arrays"): numbers of a shape, for numpy.load and its kin.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace orrery::formats {

/// Writes float32 of `shape`, the last axis fastest, wholly or not at all. Throws Error naming the path.
void write_npy(const std::filesystem::path& path, std::span<const int64_t> shape, std::span<const float> values);

}  // namespace orrery::formats
