#include "orrery/formats/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"

namespace orrery::formats {
namespace {

using Type = GgufValue::Type;

constexpr int kMaxArrayDepth = 4;  // known files nest arrays once at most
constexpr uint64_t kMaxAlignment = 1 << 20;
// For names, metadata and descriptions; the largest vocabularies take a quarter of it.
constexpr int64_t kBudget = 64 << 20;
constexpr uint64_t kEntryCost = 256;  // a tensor's description, or a key and its value, with the allocator's share
constexpr std::array<std::string_view, 13> kTypeNames = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                         "bool", "string", "array", "u64", "i64", "f64"};

std::string type_name(const GgufValue& value) {
  const auto name = [](Type type) { return std::string(kTypeNames[static_cast<size_t>(type)]); };
  return value.type == Type::kArray ? "an array of " + name(value.element) : name(value.type);
}

}  // namespace

/// One pass over the header: counts, metadata, tensor descriptions; then the descriptions are checked against the data
/// section.
class GgufParser {
 public:
  GgufParser(std::span<const std::byte> bytes, const std::string& name, GgufFile& out)
      : reader_(bytes, "read a GGUF file", name), out_(out) {}

  void run() {
    reader_.set_budget(kBudget);
    read_header();
    for (uint64_t i = 0; i < metadata_count_; ++i) read_metadata();
    read_alignment();
    reader_.charge(tensor_count_ * kEntryCost, "tensor count");
    std::vector<uint64_t> offsets(tensor_count_);
    out_.tensors_.reserve(tensor_count_);
    for (uint64_t& offset : offsets) offset = read_tensor();
    place_tensors(offsets);
    if (const TensorView* twin = out_.index_.build(out_.tensors_)) {
      reader_.fail("tensor " + printable(twin->name), "the name twice", "each tensor once");
    }
  }

 private:
  void read_header() {
    const std::string_view magic = reader_.take_text(4, "magic");
    if (magic != "GGUF") reader_.fail("magic", printable(magic), "\"GGUF\"", "is it really a .gguf file?");
    out_.version_ = reader_.read<uint32_t>("version");
    if (out_.version_ != 0 && (out_.version_ & 0xffff) == 0) {
      reader_.fail("version", "a big-endian file", "a little-endian one", "convert it for this kind of machine");
    }
    if (out_.version_ != 2 && out_.version_ != 3) {
      reader_.fail("version", std::to_string(out_.version_), "2 or 3",
                   "convert the model again with a current converter");
    }
    tensor_count_ = reader_.read<uint64_t>("tensor count");
    metadata_count_ = reader_.read<uint64_t>("metadata count");
    reader_.need_count(tensor_count_, kTensorHeaderBytes, "tensor count");
    reader_.need_count(metadata_count_, kMetadataBytes, "metadata count");
  }

  std::string_view read_string(std::string_view field) {
    const uint64_t size = reader_.read<uint64_t>(field);
    return reader_.take_text(size, field);
  }

  std::string read_copy(const std::string& field) {
    const std::string_view text = read_string(field);
    reader_.charge(text.size(), field);
    return std::string(text);
  }

  void read_metadata() {
    const std::string_view key = read_string("metadata key");
    const std::string field = "metadata " + printable(key);
    reader_.charge(kEntryCost + key.size(), field);
    GgufValue value = read_value(read_type(field), field, 0);
    if (!out_.metadata_.try_emplace(std::string(key), std::move(value)).second) {
      reader_.fail(field, "the key twice", "each key once");
    }
  }

  Type read_type(const std::string& field) {
    const uint32_t type = reader_.read<uint32_t>(field);
    if (type >= kTypeNames.size()) reader_.fail(field, fmt::format("value type {}", type), "a type from 0 to 12");
    return static_cast<Type>(type);
  }

  GgufValue read_value(Type type, const std::string& field, int depth) {
    GgufValue value{.type = type, .element = type};
    switch (type) {
      case Type::kU8:
        value.value = uint64_t{reader_.read<uint8_t>(field)};
        break;
      case Type::kU16:
        value.value = uint64_t{reader_.read<uint16_t>(field)};
        break;
      case Type::kU32:
        value.value = uint64_t{reader_.read<uint32_t>(field)};
        break;
      case Type::kU64:
        value.value = reader_.read<uint64_t>(field);
        break;
      case Type::kI8:
        value.value = int64_t{reader_.read<int8_t>(field)};
        break;
      case Type::kI16:
        value.value = int64_t{reader_.read<int16_t>(field)};
        break;
      case Type::kI32:
        value.value = int64_t{reader_.read<int32_t>(field)};
        break;
      case Type::kI64:
        value.value = reader_.read<int64_t>(field);
        break;
      case Type::kF32:
        value.value = double{reader_.read<float>(field)};
        break;
      case Type::kF64:
        value.value = reader_.read<double>(field);
        break;
      case Type::kBool:
        value.value = reader_.read<uint8_t>(field) != 0;
        break;
      case Type::kString:
        value.value = read_copy(field);
        break;
      case Type::kArray:
        read_array(value, field, depth + 1);
        break;
    }
    return value;
  }

  void read_array(GgufValue& array, const std::string& field, int depth) {
    if (depth > kMaxArrayDepth) {
      reader_.fail(field, fmt::format("arrays more than {} deep", kMaxArrayDepth), "a shallower value");
    }
    array.element = read_type(field);
    const uint64_t count = reader_.read<uint64_t>(field);
    switch (array.element) {
      case Type::kU8:
        array.value = read_numbers<uint8_t, int64_t>(count, field);
        break;
      case Type::kU16:
        array.value = read_numbers<uint16_t, int64_t>(count, field);
        break;
      case Type::kU32:
        array.value = read_numbers<uint32_t, int64_t>(count, field);
        break;
      case Type::kU64:
        array.value = read_numbers<uint64_t, int64_t>(count, field);
        break;
      case Type::kI8:
        array.value = read_numbers<int8_t, int64_t>(count, field);
        break;
      case Type::kI16:
        array.value = read_numbers<int16_t, int64_t>(count, field);
        break;
      case Type::kI32:
        array.value = read_numbers<int32_t, int64_t>(count, field);
        break;
      case Type::kI64:
        array.value = read_numbers<int64_t, int64_t>(count, field);
        break;
      case Type::kBool:
        array.value = read_numbers<uint8_t, int64_t>(count, field);
        break;
      case Type::kF32:
        array.value = read_numbers<float, double>(count, field);
        break;
      case Type::kF64:
        array.value = read_numbers<double, double>(count, field);
        break;
      case Type::kString:
        array.value = read_strings(count, field);
        break;
      case Type::kArray:
        array.value = read_arrays(count, field, depth);
        break;
    }
  }

  template <class Stored, class Wide>
  std::vector<Wide> read_numbers(uint64_t count, const std::string& field) {
    reader_.need_count(count, sizeof(Stored), field);
    reader_.charge(count * sizeof(Wide), field);
    const std::byte* data = reader_.take(count * sizeof(Stored), field).data();
    std::vector<Wide> numbers(count);
    for (uint64_t i = 0; i < count; ++i) {
      Stored number;
      std::memcpy(&number, data + i * sizeof(Stored), sizeof(Stored));
      numbers[i] = static_cast<Wide>(number);
    }
    return numbers;
  }

  std::vector<std::string_view> read_strings(uint64_t count, const std::string& field) {
    reader_.need_count(count, sizeof(uint64_t), field);
    reader_.charge(count * sizeof(std::string_view), field);
    std::vector<std::string_view> strings(count);
    for (std::string_view& string : strings) string = read_string(field);
    return strings;
  }

  GgufValue::Array read_arrays(uint64_t count, const std::string& field, int depth) {
    reader_.need_count(count, sizeof(uint32_t) + sizeof(uint64_t), field);
    reader_.charge(count * sizeof(GgufValue), field);
    GgufValue::Array arrays(count);
    for (GgufValue& inner : arrays) {
      inner.type = Type::kArray;
      read_array(inner, field, depth + 1);
    }
    return arrays;
  }

  void read_alignment() {
    const std::optional<int64_t> alignment = out_.get_int("general.alignment");
    if (!alignment) return;
    if (*alignment < 1 || *alignment > int64_t{kMaxAlignment} ||
        !std::has_single_bit(static_cast<uint64_t>(*alignment))) {
      reader_.fail("metadata \"general.alignment\"", std::to_string(*alignment), "a power of two up to 2^20");
    }
    out_.alignment_ = *alignment;
  }

  /// Appends the tensor without its data; returns its offset in the data section.
  uint64_t read_tensor() {
    TensorView tensor;
    tensor.name = read_copy("tensor name");
    const std::string field = "tensor " + printable(tensor.name);
    const uint32_t dims = reader_.read<uint32_t>(field);
    if (dims > kGgufMaxDims) reader_.fail(field, fmt::format("{} axes", dims), fmt::format("at most {}", kGgufMaxDims));
    tensor.shape.resize(dims);
    for (int64_t& extent : tensor.shape) extent = reader_.read<int64_t>(field);
    std::reverse(tensor.shape.begin(), tensor.shape.end());
    const uint32_t type = reader_.read<uint32_t>(field);
    const std::optional<DType> dtype = dtype_from_ggml_type(type);
    if (!dtype) reader_.fail(field, fmt::format("ggml type {}", type), "a type that ggml has today");
    tensor.dtype = *dtype;
    const std::optional<int64_t> bytes = checked_bytes(*dtype, tensor.shape);
    if (!bytes) {
      reader_.fail(field, fmt::format("shape {} of {}", shape_string(tensor.shape), orrery::name(*dtype)),
                   fmt::format("extents whose product is in range and rows of whole {}-element blocks",
                               info(*dtype).block_elements));
    }
    tensor.bytes = *bytes;

    out_.tensors_.push_back(std::move(tensor));
    return reader_.read<uint64_t>(field);
  }

  void place_tensors(const std::vector<uint64_t>& offsets) {
    const auto alignment = static_cast<uint64_t>(out_.alignment_);
    const uint64_t padding = (alignment - reader_.position() % alignment) % alignment;
    // A file without tensors may end right behind its metadata.
    const auto data = reader_.bytes().subspan(std::min<size_t>(reader_.position() + padding, reader_.bytes().size()));
    for (size_t i = 0; i < offsets.size(); ++i) {
      TensorView& tensor = out_.tensors_[i];
      const std::string field = "tensor " + printable(tensor.name);
      if (offsets[i] % alignment != 0) {
        reader_.fail(field, fmt::format("offset {}", offsets[i]), fmt::format("a multiple of {}", alignment));
      }
      if (offsets[i] > data.size() || static_cast<uint64_t>(tensor.bytes) > data.size() - offsets[i]) {
        reader_.fail(field, fmt::format("offset {} and {} bytes", offsets[i], tensor.bytes),
                     fmt::format("a place inside the {} bytes of data", data.size()),
                     "the download may be incomplete: fetch it again");
      }
      tensor.data = data.data() + offsets[i];
    }
  }

  static constexpr uint64_t kTensorHeaderBytes = 8 + 4 + 4 + 8;  // empty name, no axes
  static constexpr uint64_t kMetadataBytes = 8 + 4 + 1;          // empty key, one-byte value

  ByteReader reader_;
  GgufFile& out_;
  uint64_t tensor_count_ = 0, metadata_count_ = 0;
};

GgufFile GgufFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  GgufFile file;
  file.name_ = name;
  GgufParser(bytes, name, file).run();
  return file;
}

const TensorView* GgufFile::find(std::string_view name) const { return index_.find(tensors_, name); }

namespace {

[[noreturn]] void throw_wrong_type(const std::string& file, std::string_view key, std::string found,
                                   const char* expected) {
  throw Error({.doing = "read a GGUF file",
               .where = fmt::format("{}, metadata {}", file, printable(key)),
               .found = std::move(found),
               .expected = expected});
}

}  // namespace

const GgufValue* GgufFile::value(std::string_view key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? nullptr : &found->second;
}

std::optional<int64_t> GgufFile::get_int(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<int64_t>(&found->value)) return *number;
  if (const auto* number = std::get_if<uint64_t>(&found->value); number && *number <= INT64_MAX) {
    return static_cast<int64_t>(*number);
  }
  throw_wrong_type(name_, key, type_name(*found), "an integer below 2^63");
}

std::optional<double> GgufFile::get_float(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<double>(&found->value)) return *number;
  if (const auto* number = std::get_if<int64_t>(&found->value)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<uint64_t>(&found->value)) return static_cast<double>(*number);
  throw_wrong_type(name_, key, type_name(*found), "a number");
}

std::optional<bool> GgufFile::get_bool(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* flag = std::get_if<bool>(&found->value)) return *flag;
  throw_wrong_type(name_, key, type_name(*found), "a bool");
}

std::optional<std::string> GgufFile::get_string(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&found->value)) return *text;
  throw_wrong_type(name_, key, type_name(*found), "a string");
}

template <class T>
const T* GgufFile::get_array(std::string_view key, const char* expected) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return nullptr;
  if (const T* array = std::get_if<T>(&found->value)) return array;
  throw_wrong_type(name_, key, type_name(*found), expected);
}

const std::vector<std::string_view>* GgufFile::get_strings(std::string_view key) const {
  return get_array<std::vector<std::string_view>>(key, "an array of strings");
}
const std::vector<int64_t>* GgufFile::get_ints(std::string_view key) const {
  return get_array<std::vector<int64_t>>(key, "an array of integers");
}
const std::vector<double>* GgufFile::get_floats(std::string_view key) const {
  return get_array<std::vector<double>>(key, "an array of floats");
}

}  // namespace orrery::formats
