#include <fmt/format.h>

#include <bit>
#include <limits>
#include <set>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/gguf.h"

namespace orrery::formats {
namespace {

using Type = GgufValue::Type;

constexpr size_t kLongestName = 63;  // GGML_MAX_NAME less its zero

/// The file up to the tensor data, as bytes.
class Header {
 public:
  explicit Header(const std::filesystem::path& path) : path_(path) {}

  std::string bytes;

  template <class T>
  void add(T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void add_string(std::string_view text) {
    add<uint64_t>(text.size());
    bytes += text;
  }
  void add_metadata(const std::string& key, const GgufValue& value) {
    field_ = "metadata " + printable(key);
    add_string(key);
    add(value.type);
    add_value(value);
  }
  void add_tensor(const TensorView& tensor, uint64_t offset) {
    field_ = "tensor " + printable(tensor.name);
    const auto type = ggml_type_from_dtype(tensor.dtype);
    if (!type) refuse(std::string(name(tensor.dtype)), "a type that GGUF has");
    if (tensor.shape.size() > kGgufMaxDims)
      refuse(shape_string(tensor.shape), fmt::format("at most {} axes", kGgufMaxDims));
    if (tensor.name.size() > kLongestName) {
      refuse(fmt::format("a name of {} bytes", tensor.name.size()), fmt::format("at most {}", kLongestName));
    }
    if (!names_.insert(tensor.name).second) refuse("a name that is taken", "another");
    if (checked_bytes(tensor.dtype, tensor.shape) != tensor.bytes) {
      refuse(fmt::format("{} bytes", tensor.bytes),
             fmt::format("shape {} of {}", shape_string(tensor.shape), name(tensor.dtype)));
    }
    add_string(tensor.name);
    add(static_cast<uint32_t>(tensor.shape.size()));
    for (auto extent = tensor.shape.rbegin(); extent != tensor.shape.rend(); ++extent) add(*extent);
    add(*type);
    add(offset);
  }

  [[noreturn]] void refuse(std::string found, std::string expected) const {
    throw Error({.doing = "write a GGUF file",
                 .where = fmt::format("{}, {}", path_.string(), field_),
                 .found = std::move(found),
                 .expected = std::move(expected)});
  }

 private:
  template <class T>
  const T& get(const GgufValue& value) const {
    if (const T* held = std::get_if<T>(&value.value)) return *held;
    refuse("a value of another kind than its type", "the kind of its type");
  }

  /// Stored as T after a check that it fits.
  template <class T, class Wide>
  void add_integer(Wide number) {
    if (number < Wide{std::numeric_limits<T>::min()} || number > Wide{std::numeric_limits<T>::max()}) {
      refuse(std::to_string(number), fmt::format("an integer of {} bits", 8 * sizeof(T)));
    }
    add(static_cast<T>(number));
  }

  template <class T, class Stored = T>
  void add_numbers(const GgufValue& array) {
    const auto& numbers = get<std::vector<T>>(array);
    add<uint64_t>(numbers.size());
    for (const T number : numbers) {
      if constexpr (std::is_floating_point_v<T> || sizeof(Stored) == sizeof(T)) {
        add(static_cast<Stored>(number));
      } else {
        add_integer<Stored>(number);
      }
    }
  }

  void add_value(const GgufValue& value) {
    switch (value.type) {
      case Type::kU8:
        return add_integer<uint8_t>(get<uint64_t>(value));
      case Type::kU16:
        return add_integer<uint16_t>(get<uint64_t>(value));
      case Type::kU32:
        return add_integer<uint32_t>(get<uint64_t>(value));
      case Type::kU64:
        return add(get<uint64_t>(value));
      case Type::kI8:
        return add_integer<int8_t>(get<int64_t>(value));
      case Type::kI16:
        return add_integer<int16_t>(get<int64_t>(value));
      case Type::kI32:
        return add_integer<int32_t>(get<int64_t>(value));
      case Type::kI64:
        return add(get<int64_t>(value));
      case Type::kF32:
        return add(static_cast<float>(get<double>(value)));
      case Type::kF64:
        return add(get<double>(value));
      case Type::kBool:
        return add(static_cast<uint8_t>(get<bool>(value)));
      case Type::kString:
        return add_string(get<std::string>(value));
      case Type::kArray:
        return add_array(value);
    }
    refuse("a value of no type", "one of GGUF's");
  }

  void add_array(const GgufValue& array) {
    add(array.element);
    switch (array.element) {
      case Type::kU8:
      case Type::kBool:
        return add_numbers<int64_t, uint8_t>(array);
      case Type::kU16:
        return add_numbers<int64_t, uint16_t>(array);
      case Type::kU32:
        return add_numbers<int64_t, uint32_t>(array);
      case Type::kU64:
        return add_numbers<int64_t, uint64_t>(array);
      case Type::kI8:
        return add_numbers<int64_t, int8_t>(array);
      case Type::kI16:
        return add_numbers<int64_t, int16_t>(array);
      case Type::kI32:
        return add_numbers<int64_t, int32_t>(array);
      case Type::kI64:
        return add_numbers<int64_t>(array);
      case Type::kF32:
        return add_numbers<double, float>(array);
      case Type::kF64:
        return add_numbers<double>(array);
      case Type::kString: {
        const auto& texts = get<std::vector<std::string_view>>(array);
        add<uint64_t>(texts.size());
        for (const std::string_view text : texts) add_string(text);
        return;
      }
      case Type::kArray: {
        const auto& arrays = get<GgufValue::Array>(array);
        add<uint64_t>(arrays.size());
        for (const GgufValue& inner : arrays) {
          if (inner.type != Type::kArray) refuse("a scalar among arrays", "arrays");
          add_array(inner);
        }
        return;
      }
    }
    refuse("an array of no type", "one of GGUF's");
  }

  const std::filesystem::path& path_;
  std::string field_;
  std::set<std::string_view> names_;
};

int64_t alignment_of(const GgufMetadata& metadata, const Header& header) {
  const auto found = metadata.find("general.alignment");
  if (found == metadata.end()) return 32;
  const auto* alignment = std::get_if<uint64_t>(&found->second.value);
  if (alignment == nullptr || !std::has_single_bit(*alignment) || *alignment > 1 << 20) {
    header.refuse("general.alignment", "a power of two up to 2^20, as u32");
  }
  return static_cast<int64_t>(*alignment);
}

uint64_t round_up(uint64_t size, uint64_t alignment) { return (size + alignment - 1) / alignment * alignment; }

}  // namespace

void write_gguf(const std::filesystem::path& path, const GgufMetadata& metadata, std::span<const TensorView> tensors,
                const TensorSource& source) {
  Header header(path);
  const auto alignment = static_cast<uint64_t>(alignment_of(metadata, header));
  header.bytes = "GGUF";
  header.add<uint32_t>(3);
  header.add<uint64_t>(tensors.size());
  header.add<uint64_t>(metadata.size());
  for (const auto& [key, value] : metadata) header.add_metadata(key, value);
  uint64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    header.add_tensor(tensor, offset);
    offset = round_up(offset + static_cast<uint64_t>(tensor.bytes), alignment);
  }

  AtomicFile file(path);
  const std::string padding(alignment, '\0');
  const auto pad = [&] { file.write(padding.data(), round_up(file.size(), alignment) - file.size()); };
  file.write(header.bytes);
  pad();
  for (const TensorView& tensor : tensors) {
    const auto bytes = source(tensor);
    if (std::ssize(bytes) != tensor.bytes) {
      throw Error({.doing = "write a GGUF file",
                   .where = fmt::format("{}, tensor {}", path.string(), printable(tensor.name)),
                   .found = fmt::format("{} bytes", bytes.size()),
                   .expected = std::to_string(tensor.bytes)});
    }
    file.write(bytes.data(), bytes.size());
    pad();
  }
  file.commit();
}

}  // namespace orrery::formats
