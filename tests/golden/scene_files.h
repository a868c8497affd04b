// The golden files of 3D scenes: which there are, and the numbers in them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/camera.h"
#include "orrery/formats/safetensors.h"

namespace orrery::scene::golden {

/// One .safetensors file of a golden folder, opened.
class GoldenFile {
 public:
  explicit GoldenFile(const std::filesystem::path& path);
  bool has(std::string_view name) const { return file_.find(name) != nullptr; }
  const std::vector<int64_t>& shape(std::string_view name) const { return tensor(name).shape; }
  std::vector<float> floats(std::string_view name) const;
  std::vector<int32_t> integers(std::string_view name) const;  ///< of an int32 or uint8 tensor
  float number(std::string_view name) const { return floats(name).at(0); }

  /// A pinhole of the tensors named, view `index` where there are several, and of image_size.
  View view(std::string_view viewmat, std::string_view intrinsics, int64_t index = 0) const;

 private:
  const TensorView& tensor(std::string_view name) const;
  formats::SafetensorsFile file_;
};

/// A file of a folder named `kind`, or `kind`_anything, that has the tensor `with`: of the tree that ORRERY_GOLDEN
/// names; without it of ../shared/golden, and of tests/fixtures/golden what is not there.
std::vector<std::filesystem::path> files_with(std::string_view kind, std::string_view with);

/// A test's name: "gaussians_raster_small".
std::string test_name(const testing::TestParamInfo<std::filesystem::path>& info);

/// The largest difference is at most `tolerance`; or at most that share of the largest value.
void expect_near(std::span<const float> ours, const std::vector<float>& theirs, float tolerance, std::string_view what);
void expect_share(std::span<const float> ours, const std::vector<float>& theirs, float tolerance,
                  std::string_view what);

}  // namespace orrery::scene::golden
