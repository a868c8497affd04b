#include "tests/golden/scene_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>

#include "tests/golden/text_compare.h"

namespace orrery::scene::golden {

namespace fs = std::filesystem;

GoldenFile::GoldenFile(const fs::path& path) : file_(formats::SafetensorsFile::open(path)) {}

const TensorView& GoldenFile::tensor(std::string_view name) const {
  if (const TensorView* found = file_.find(name)) return *found;
  throw std::runtime_error(fmt::format("there is no tensor {}", name));
}

std::vector<float> GoldenFile::floats(std::string_view name) const {
  const TensorView& from = tensor(name);
  if (from.dtype != DType::kF32) throw std::runtime_error(fmt::format("{} is not float32", name));
  std::vector<float> result(from.elements());
  std::memcpy(result.data(), from.data, from.bytes);
  return result;
}

std::vector<int32_t> GoldenFile::integers(std::string_view name) const {
  const TensorView& from = tensor(name);
  std::vector<int32_t> result(from.elements());
  if (from.dtype == DType::kI32) {
    std::memcpy(result.data(), from.data, from.bytes);
  } else {
    for (size_t i = 0; i < result.size(); ++i) result[i] = std::to_integer<int32_t>(from.data[i]);
  }
  return result;
}

View GoldenFile::view(std::string_view viewmat, std::string_view intrinsics, int64_t index) const {
  const auto k = floats(intrinsics), pose = floats(viewmat);
  const auto size = integers("image_size");
  View view{.width = size[0], .height = size[1]};
  view.fx = k[9 * index], view.cx = k[9 * index + 2], view.fy = k[9 * index + 4], view.cy = k[9 * index + 5];
  std::copy_n(pose.begin() + 16 * index, 16, view.camera_from_world.begin());
  return view;
}

namespace {

void add_files(const fs::path& root, std::string_view kind, std::map<std::string, fs::path>& by_name) {
  std::error_code missing;
  for (const auto& folder : fs::directory_iterator(root, missing)) {
    const std::string name = folder.path().filename().string();
    if (name != kind && !name.starts_with(std::string(kind) + "_")) continue;
    for (const auto& file : fs::directory_iterator(folder, missing))
      if (file.path().extension() == ".safetensors")
        by_name.emplace(name + "/" + file.path().filename().string(), file.path());
  }
}

}  // namespace

std::vector<fs::path> files_with(std::string_view kind, std::string_view with) {
  const fs::path source = ORRERY_SOURCE_DIR;
  std::map<std::string, fs::path> by_name;
  if (const char* chosen = std::getenv("ORRERY_GOLDEN"); chosen && *chosen) {
    add_files(fs::is_directory(fs::path(chosen) / "scene") ? fs::path(chosen) / "scene" : chosen, kind, by_name);
  } else {
    add_files(source.parent_path() / "shared" / "golden" / "scene", kind, by_name);
    add_files(source / "tests" / "fixtures" / "golden" / "scene", kind, by_name);
  }
  std::vector<fs::path> result;
  for (const auto& [name, path] : by_name)
    if (GoldenFile(path).has(with)) result.push_back(path);
  return result;
}

std::string test_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.parent_path().filename().string() + "_" + info.param.stem().string();
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

void expect_near(std::span<const float> ours, const std::vector<float>& theirs, float tolerance,
                 std::string_view what) {
  text::golden::expect_close(ours, theirs, tolerance, std::string(what).c_str());
}

void expect_share(std::span<const float> ours, const std::vector<float>& theirs, float tolerance,
                  std::string_view what) {
  float largest = 0;
  for (const float value : theirs) largest = std::max(largest, std::abs(value));
  expect_near(ours, theirs, tolerance * largest, what);
}

}  // namespace orrery::scene::golden
