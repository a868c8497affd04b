// GGUF, the file format of llama.cpp (ggml-org/ggml, docs/gguf.md): versions 2 and 3, little-endian.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "orrery/base/file.h"
#include "orrery/base/tensor_view.h"
#include "orrery/formats/tensor_index.h"
#include "orrery/formats/tensor_source.h"

namespace orrery::formats {

constexpr uint32_t kGgufMaxDims = 4;  ///< GGML_MAX_DIMS

/// A metadata value. Every integer type widens to int64/uint64, every float to double; the file's own type is kept for
/// rewriting.
struct GgufValue {
  enum class Type : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };
  using Array = std::vector<GgufValue>;
  Type type = Type::kU32;     ///< the numbering of the file format
  Type element = Type::kU32;  ///< element type when type is kArray
  /// Scalars, then arrays; the common arrays are flat so that a vocabulary of 10^5 strings costs one vector. Strings of
  /// arrays view the file. Arrays of integers and bools of any width are int64 (u64 above 2^63 keeps its bits); Array
  /// holds arrays of arrays.
  std::variant<int64_t, uint64_t, double, bool, std::string, std::vector<int64_t>, std::vector<double>,
               std::vector<std::string_view>, Array>
      value;

  // For writing. The strings of an array stay their owner's.
  static GgufValue u32(uint32_t number) { return {Type::kU32, Type::kU32, uint64_t{number}}; }
  static GgufValue i32(int32_t number) { return {Type::kI32, Type::kI32, int64_t{number}}; }
  static GgufValue f32(float number) { return {Type::kF32, Type::kF32, double{number}}; }
  static GgufValue boolean(bool flag) { return {Type::kBool, Type::kBool, flag}; }
  static GgufValue string(std::string text) { return {Type::kString, Type::kString, std::move(text)}; }
  static GgufValue strings(std::vector<std::string_view> texts) {
    return {Type::kArray, Type::kString, std::move(texts)};
  }
  static GgufValue i32s(std::vector<int64_t> numbers) { return {Type::kArray, Type::kI32, std::move(numbers)}; }
  static GgufValue f32s(std::vector<double> numbers) { return {Type::kArray, Type::kF32, std::move(numbers)}; }
};

using GgufMetadata = std::map<std::string, GgufValue, std::less<>>;

/// ggml's number of a tensor type; nullopt for types GGUF cannot hold (fp8, unsigned, bool).
std::optional<uint32_t> ggml_type_from_dtype(DType dtype);
/// nullopt for numbers that ggml never used, or used once and removed.
std::optional<DType> dtype_from_ggml_type(uint32_t type);

/// A mapped GGUF file, or all parts of a model that was split. Tensor shapes are row-major (the file lists them
/// reversed). Nothing is copied but the metadata's scalars.
class GgufFile {
 public:
  /// Throws Error naming the file and the field for anything that lies: wrong magic or version, big-endian files,
  /// counts, lengths, offsets and shapes past the end, unknown types, duplicate keys or tensor names. Memory stays
  /// below 100 MB whatever the file says.
  /// Of a split model (llama.cpp's gguf-split: NAME-00001-of-00003.gguf, split.count) give the first part; the others
  /// lie beside it. Metadata is the first part's without split.*. Throws Error naming a part that is missing, that is
  /// not the part that its name says, or whose tensors are not as many as split.tensors.count.
  static GgufFile open(const std::filesystem::path& path);
  /// The same on bytes in memory (for tests and fuzzing); `bytes` must outlive the result.
  static GgufFile parse(std::span<const std::byte> bytes, const std::string& name);

  uint32_t version() const { return version_; }
  /// Tensor data starts at multiples of this many bytes (general.alignment, 32 where it is absent).
  int64_t alignment() const { return alignment_; }
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  const GgufMetadata& metadata() const { return metadata_; }
  /// The mapped parts, in their order; one where the model is not split.
  const std::vector<MappedFile>& files() const { return files_; }

  /// Typed access. nullopt / nullptr when the key is absent; Error naming the key when it has another type. get_float
  /// takes integers too.
  std::optional<int64_t> get_int(std::string_view key) const;
  std::optional<double> get_float(std::string_view key) const;
  std::optional<bool> get_bool(std::string_view key) const;
  std::optional<std::string> get_string(std::string_view key) const;
  const std::vector<std::string_view>* get_strings(std::string_view key) const;
  const std::vector<int64_t>* get_ints(std::string_view key) const;
  const std::vector<double>* get_floats(std::string_view key) const;

 private:
  friend class GgufParser;
  const GgufValue* value(std::string_view key) const;
  template <class T>
  const T* get_array(std::string_view key, const char* expected) const;

  void append_parts(const std::filesystem::path& first);

  std::vector<MappedFile> files_;
  std::string name_;
  uint32_t version_ = 0;
  int64_t alignment_ = 32;
  std::vector<TensorView> tensors_;
  TensorIndex index_;
  GgufMetadata metadata_;
};

/// Writes a version 3 file, wholly or not at all, tensor after tensor as `source` gives them. The alignment is the
/// metadata's general.alignment, or 32. Throws Error naming the key or tensor: a value that its type cannot hold, a
/// type GGUF lacks, more than 4 axes, a name that is taken or longer than the 63 bytes llama.cpp reads, a source that
/// gives another number of bytes.
void write_gguf(const std::filesystem::path& path, const GgufMetadata& metadata, std::span<const TensorView> tensors,
                const TensorSource& source = own_bytes);

}  // namespace orrery::formats
