#include "orrery/formats/rwkv_cpp.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/formats/bytes.h"

namespace orrery::formats {
namespace {

constexpr int32_t kPlainBlocks = 101;  // the first version with the block layouts that ggml has today
constexpr int32_t kMaxAxes = 4, kMaxNameBytes = 256, kMaxLayers = 4096;
constexpr size_t kMaxTensors = 1 << 16;
constexpr const char* kAdvice = "is it really an rwkv.cpp checkpoint?";

DType read_dtype(ByteReader& reader, int32_t version, const std::string& field) {
  const auto number = reader.read<int32_t>(field);
  const auto known = [&]() -> std::optional<DType> {
    switch (number) {
      case 0:
        return DType::kF32;
      case 1:
        return DType::kF16;
      case 2:
        return DType::kQ4_0;
      case 3:
        return DType::kQ4_1;
      case 7:
        return DType::kQ5_0;
      case 8:
        return DType::kQ5_1;
      case 9:
        return DType::kQ8_0;
      default:
        return std::nullopt;
    }
  }();
  if (!known)
    reader.fail(field, fmt::format("data type {}", number),
                "0 (F32), 1 (F16), 2 (Q4_0), 3 (Q4_1), 7 (Q5_0), 8 (Q5_1) or 9 (Q8_0)");
  if (is_block_type(*known) && version < kPlainBlocks)
    reader.fail(field, fmt::format("{} in a file of version {}", name(*known), version),
                "blocks as ggml has had them since version 101", "quantize the model again from its F16 or F32 file");
  return *known;
}

int64_t read_size(ByteReader& reader, const char* field, int32_t most) {
  const auto value = reader.read<int32_t>(field);
  if (value <= 0 || value > most) reader.fail(field, std::to_string(value), fmt::format("1 to {}", most), kAdvice);
  return value;
}

TensorView read_tensor(ByteReader& reader, int32_t version, size_t number) {
  const std::string place = fmt::format("tensor {}", number);
  const auto axes = reader.read<int32_t>(place), name_bytes = reader.read<int32_t>(place);
  if (axes < 1 || axes > kMaxAxes)
    reader.fail(place, fmt::format("{} axes", axes), fmt::format("1 to {}", kMaxAxes), kAdvice);
  if (name_bytes < 1 || name_bytes > kMaxNameBytes) {
    reader.fail(place, fmt::format("a name of {} bytes", name_bytes), fmt::format("1 to {}", kMaxNameBytes), kAdvice);
  }
  TensorView tensor;
  tensor.dtype = read_dtype(reader, version, place);
  for (int32_t axis = 0; axis < axes; ++axis) tensor.shape.push_back(reader.read<int32_t>(place));
  std::ranges::reverse(tensor.shape);
  tensor.name = reader.take_text(static_cast<uint64_t>(name_bytes), place);
  const std::string field = fmt::format("tensor {}", printable(tensor.name));
  const std::optional<int64_t> bytes = checked_bytes(tensor.dtype, tensor.shape);
  if (!bytes || *bytes == 0) {
    reader.fail(field, fmt::format("shape {}", shape_string(tensor.shape)),
                fmt::format("positive sizes, whole blocks of {}", name(tensor.dtype)));
  }
  tensor.bytes = *bytes;
  tensor.data = reader.take(static_cast<uint64_t>(*bytes), field).data();
  return tensor;
}

}  // namespace

RwkvCppFile RwkvCppFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  ByteReader reader(bytes, "read an rwkv.cpp checkpoint", name);
  if (const std::string_view magic = reader.take_text(kRwkvCppMagic.size(), "magic"); magic != kRwkvCppMagic)
    reader.fail("magic", printable(magic), printable(kRwkvCppMagic), kAdvice);
  RwkvCppFile file;
  file.version_ = reader.read<int32_t>("version");
  if (file.version_ != 100 && file.version_ != 101) reader.fail("version", std::to_string(file.version_), "100 or 101");
  file.vocab_size_ = read_size(reader, "n_vocab", INT32_MAX);
  file.embed_size_ = read_size(reader, "n_embed", INT32_MAX);
  file.layers_ = read_size(reader, "n_layer", kMaxLayers);
  file.dtype_ = read_dtype(reader, file.version_, "data type");
  while (reader.remaining() > 0) {
    if (file.tensors_.size() == kMaxTensors) reader.fail("tensors", "one more", fmt::format("at most {}", kMaxTensors));
    file.tensors_.push_back(read_tensor(reader, file.version_, file.tensors_.size()));
  }
  if (file.tensors_.empty()) reader.fail("tensors", "none", "the model's", kAdvice);
  if (const TensorView* twin = file.index_.build(file.tensors_))
    reader.fail(fmt::format("tensor {}", printable(twin->name)), "two of that name", "one");
  return file;
}

RwkvCppFile RwkvCppFile::open(const std::filesystem::path& path) {
  MappedFile mapped = MappedFile::open(path);
  RwkvCppFile file = parse(mapped.bytes(), path.string());
  file.file_ = std::move(mapped);
  return file;
}

}  // namespace orrery::formats
