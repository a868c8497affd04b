#include "orrery/text/tensor_file.h"

#include "orrery/base/file.h"

namespace orrery::text {

namespace {

bool looks_like_torch(const std::filesystem::path& path) {
  const MappedFile file = MappedFile::open(path);
  const std::string_view start(reinterpret_cast<const char*>(file.bytes().data()),
                               std::min<size_t>(file.bytes().size(), 4));
  return start.starts_with("PK\3\4") || start.starts_with("\x80\x02");
}

}  // namespace

TensorFile TensorFile::open(const std::filesystem::path& path) {
  TensorFile result;
  if (looks_like_torch(path))
    result.file_ = formats::TorchFile::open(path);
  else
    result.file_ = formats::SafetensorsFile::open(path);
  return result;
}

const std::vector<TensorView>& TensorFile::tensors() const {
  return std::visit([](const auto& file) -> const std::vector<TensorView>& { return file.tensors(); }, file_);
}

const TensorView* TensorFile::find(std::string_view name) const {
  return std::visit([&](const auto& file) { return file.find(name); }, file_);
}

std::span<const MappedFile> TensorFile::files() const {
  return std::visit([](const auto& file) { return std::span<const MappedFile>(file.files()); }, file_);
}

}  // namespace orrery::text
