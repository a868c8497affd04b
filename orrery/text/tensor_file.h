// A file of named tensors, whether safetensors or PyTorch's.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "orrery/formats/safetensors.h"
#include "orrery/formats/torch_pickle.h"

namespace orrery::text {

/// Mapped, and told apart by its first bytes: a zip or a pickle is PyTorch's, anything else safetensors.
class TensorFile {
 public:
  TensorFile() = default;
  /// A .safetensors, .bin, .pth or .pt file. Throws Error as their readers do.
  static TensorFile open(const std::filesystem::path& path);

  const std::vector<TensorView>& tensors() const;
  /// nullptr when absent.
  const TensorView* find(std::string_view name) const;
  std::span<const MappedFile> files() const;
  bool is_torch() const { return std::holds_alternative<formats::TorchFile>(file_); }

 private:
  std::variant<formats::SafetensorsFile, formats::TorchFile> file_;
};

}  // namespace orrery::text
