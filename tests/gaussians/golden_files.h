// Files of numbers by the original implementations of scene methods.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/formats/safetensors.h"

namespace orrery::scene {

/// The files of the folders whose name begins with `kind`, in the tree that ORRERY_GOLDEN names, else ../shared/golden
/// where that is, else tests/fixtures/golden.
inline std::vector<std::filesystem::path> golden_files(std::string_view kind) {
  namespace fs = std::filesystem;
  const fs::path source = ORRERY_SOURCE_DIR;
  fs::path root = source.parent_path() / "shared" / "golden";
  if (!fs::is_directory(root)) root = source / "tests" / "fixtures" / "golden";
  if (const char* chosen = std::getenv("ORRERY_GOLDEN"); chosen && *chosen) root = chosen;
  std::vector<fs::path> files;
  std::error_code missing;
  for (const auto& folder : fs::directory_iterator(fs::is_directory(root / "scene") ? root / "scene" : root, missing))
    if (folder.is_directory() && folder.path().filename().string().starts_with(kind))
      for (const auto& file : fs::directory_iterator(folder.path()))
        if (file.path().extension() == ".safetensors") files.push_back(file.path());
  std::ranges::sort(files);
  return files;
}

class GoldenFile {
 public:
  explicit GoldenFile(const std::filesystem::path& path) : file_(formats::SafetensorsFile::open(path)) {}
  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  at::Tensor operator[](const std::string& name) const {
    const TensorView* view = file_.find(name);
    if (view == nullptr) throw std::runtime_error("no tensor " + name);
    const at::ScalarType type = view->dtype == DType::kF32   ? at::kFloat
                                : view->dtype == DType::kI32 ? at::kInt
                                                             : at::kByte;
    at::Tensor tensor = at::empty(view->shape, type);
    std::memcpy(tensor.data_ptr(), view->data, static_cast<size_t>(view->bytes));
    return tensor;
  }
  double number(const std::string& name) const { return (*this)[name].item<double>(); }

 private:
  formats::SafetensorsFile file_;
};

/// The largest difference.
inline double apart(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == 0 ? 0 : (a.detach().to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace orrery::scene
