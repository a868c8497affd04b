// The checkpoints of RWKV/rwkv.cpp (docs/FILE_FORMAT.md there): ggml tensors one after the other behind a header of six
// integers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/file.h"
#include "orrery/base/tensor_view.h"
#include "orrery/formats/tensor_index.h"

namespace orrery::formats {

/// The first four bytes: "ggmf" as a little-endian number.
inline constexpr std::string_view kRwkvCppMagic = "fmgg";

/// A mapped model. Nothing is copied.
class RwkvCppFile {
 public:
  /// Versions 100 and 101; F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0. Throws Error naming the file and the field: another
  /// magic or version, sizes that are not positive, blocks of version 100 (whose layout ggml has given up), a length
  /// that runs past the end, a name twice.
  static RwkvCppFile open(const std::filesystem::path& path);
  /// The same on bytes in memory (for tests and fuzzing); `bytes` must outlive the result.
  static RwkvCppFile parse(std::span<const std::byte> bytes, const std::string& name);

  int version() const { return version_; }
  int64_t vocab_size() const { return vocab_size_; }
  int64_t embed_size() const { return embed_size_; }
  int64_t layers() const { return layers_; }
  /// What most of the matrices have.
  DType dtype() const { return dtype_; }
  /// Under BlinkDL's names, shapes outermost first as PyTorch prints them. What the converter changed against a .pth:
  /// time_decay is ready to use (-e^w in RWKV-4, e^-e^w in 5), w1, w2, a1, a2, v1, v2, g1 and g2 of RWKV-7 are
  /// transposed, and its x_r … x_g are one tensor, x_rwkvag.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const { return index_.find(tensors_, name); }
  const MappedFile& file() const { return file_; }

 private:
  MappedFile file_;
  int version_ = 0;
  int64_t vocab_size_ = 0, embed_size_ = 0, layers_ = 0;
  DType dtype_ = DType::kF32;
  std::vector<TensorView> tensors_;
  TensorIndex index_;
};

}  // namespace orrery::formats
