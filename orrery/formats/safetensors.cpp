#include "orrery/formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/safetensors_dtype.h"
#include "orrery/formats/shard_index.h"
#include "orrery/formats/strict_json.h"

namespace orrery::formats {
namespace {

constexpr const char* kReadingSafetensors = "read a safetensors file";

/// 16 MiB describe some 100,000 tensors. The original's limit is 100 MB, which larger files approach.
uint64_t max_header_bytes(uint64_t file_bytes) {
  return std::min<uint64_t>(100'000'000, (16 << 20) + file_bytes / 256);
}

constexpr size_t kSafetensorsMaxDims = 64;

/// {"__metadata__": {string: string}, name: {"dtype": string, "shape": [int …], "data_offsets": [int, int]}, …}
class HeaderJson : public StrictJson {
 public:
  HeaderJson(ByteReader& reader, std::map<std::string, std::string, std::less<>>& metadata)
      : StrictJson(reader), metadata_(metadata) {}

  /// In the header's order, and where each begins in the data section.
  std::vector<TensorView> tensors;
  std::vector<uint64_t> begins;

  bool start_object(size_t) override {
    if (depth_ > 1 || in_array_) refuse("an object");
    if (depth_ == 1 && !in_metadata()) {
      tensors.emplace_back().name = name_;
      dtype_.clear();
      has_shape_ = false;
      offsets_.clear();
    }
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && !in_metadata()) finish_tensor();
    return true;
  }
  bool key(string_t& text) override {
    (depth_ == 1 ? name_ : field_) = text;
    return true;
  }
  bool start_array(size_t) override {
    if (in_array_ || !in_tensor() ||
        !(field_ == "shape" ? !has_shape_ : field_ == "data_offsets" && offsets_.empty())) {
      refuse("an array");
    }
    in_array_ = true;
    has_shape_ |= field_ == "shape";
    return true;
  }
  bool end_array() override { return in_array_ = false, true; }
  bool number_unsigned(number_unsigned_t value) override {
    if (!in_array_ || value > INT64_MAX) return StrictJson::number_unsigned(value);
    if (field_ == "shape") {
      auto& shape = tensors.back().shape;
      if (shape.size() == kSafetensorsMaxDims) refuse(fmt::format("more than {} axes", kSafetensorsMaxDims));
      shape.push_back(static_cast<int64_t>(value));
    } else {
      if (offsets_.size() == 2) refuse("a third offset");
      offsets_.push_back(value);
    }
    return true;
  }
  bool string(string_t& text) override {
    if (in_tensor() && !in_array_ && field_ == "dtype" && dtype_.empty()) {
      dtype_ = text;
      return true;
    }
    if (depth_ != 2 || !in_metadata()) return StrictJson::string(text);
    if (!metadata_.emplace(field_, text).second) refuse("the key twice");
    return true;
  }

 private:
  bool in_metadata() const { return name_ == "__metadata__"; }
  bool in_tensor() const { return depth_ == 2 && !in_metadata(); }

  void finish_tensor() {
    TensorView& tensor = tensors.back();
    const std::string field = "tensor " + printable(name_);
    if (dtype_.empty()) reader_.fail(field, "no dtype", "one");
    if (!has_shape_) reader_.fail(field, "no shape", "one");
    if (offsets_.size() != 2) reader_.fail(field, "no data_offsets", "two");
    const std::optional<DType> dtype = dtype_from_safetensors(dtype_);
    if (!dtype) reader_.fail(field, "dtype " + printable(dtype_), "one of " + safetensors_dtypes());
    tensor.dtype = *dtype;
    const uint64_t begin = offsets_[0], end = offsets_[1];
    const std::optional<int64_t> bytes = checked_bytes(tensor.dtype, tensor.shape);
    if (!bytes || end < begin || static_cast<uint64_t>(*bytes) != end - begin) {
      reader_.fail(field, fmt::format("data_offsets [{}, {}]", begin, end),
                   fmt::format("room for shape {} of {}", shape_string(tensor.shape), dtype_));
    }
    tensor.bytes = *bytes;
    begins.push_back(begin);
  }

  std::string place() const override {
    if (depth_ == 0) return "header";
    return depth_ == 1 ? "tensor " + printable(name_)
                       : fmt::format("tensor {}, {}", printable(name_), printable(field_));
  }
  std::string expected() const override {
    if (depth_ == 0) return "an object";
    if (depth_ == 1) return "an object with dtype, shape and data_offsets";
    if (in_metadata()) return "strings under different keys";
    return "dtype (a string), shape (integers), data_offsets (two integers), each once";
  }

  std::map<std::string, std::string, std::less<>>& metadata_;
  int depth_ = 0;
  bool in_array_ = false, has_shape_ = false;
  std::string name_, field_, dtype_;
  std::vector<uint64_t> offsets_;
};

}  // namespace

class SafetensorsParser {
 public:
  /// Appends the tensors of one file to `out`.
  static void append(std::span<const std::byte> bytes, const std::string& name, SafetensorsFile& out) {
    ByteReader reader(bytes, kReadingSafetensors, name);
    const uint64_t header_bytes = reader.read<uint64_t>("header size");
    if (const uint64_t limit = max_header_bytes(bytes.size()); header_bytes > limit) {
      reader.fail("header size", fmt::format("{} bytes", header_bytes), fmt::format("at most {}", limit),
                  "is it really a .safetensors file?");
    }
    const std::string_view header = reader.take_text(header_bytes, "header");
    if (!header.starts_with('{')) reader.fail("header", printable(header.substr(0, 8)), "a JSON object");
    std::map<std::string, std::string, std::less<>> metadata;
    HeaderJson json(reader, metadata);
    json.run(header);
    if (out.tensors_.empty()) out.metadata_ = std::move(metadata);
    place(json, reader, out);
  }

 private:
  /// The format allows neither holes nor overlaps: in the order of their offsets the tensors tile the data section.
  static void place(HeaderJson& json, const ByteReader& reader, SafetensorsFile& out) {
    const auto data = reader.bytes().subspan(reader.position());
    std::vector<uint32_t> order(json.tensors.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return std::pair(json.begins[a], json.tensors[a].bytes) < std::pair(json.begins[b], json.tensors[b].bytes);
    });
    out.tensors_.reserve(out.tensors_.size() + order.size());
    uint64_t end = 0;
    for (const uint32_t i : order) {
      TensorView& tensor = json.tensors[i];
      const std::string field = "tensor " + printable(tensor.name);
      if (json.begins[i] != end) {
        reader.fail(field, fmt::format("data at {}", json.begins[i]),
                    fmt::format("at {}, where the tensor before it ends", end));
      }
      if (static_cast<uint64_t>(tensor.bytes) > data.size() - end) {
        reader.fail(field, fmt::format("data up to {}", end + tensor.bytes),
                    fmt::format("inside the {} bytes of data", data.size()),
                    "the download may be incomplete: fetch it again");
      }
      tensor.data = data.data() + end;
      end += tensor.bytes;
      out.tensors_.push_back(std::move(tensor));
    }
    if (end != data.size()) {
      reader.fail("data", fmt::format("{} bytes", data.size()), fmt::format("the {} bytes of the tensors", end));
    }
  }
};

SafetensorsFile SafetensorsFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  SafetensorsFile file;
  SafetensorsParser::append(bytes, name, file);
  file.build_index(name);
  return file;
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile file;
  file.files_ = open_shards(path, file.tensors_, [&](const MappedFile& shard) {
    SafetensorsParser::append(shard.bytes(), shard.path().string(), file);
  });
  file.build_index(path.string());
  return file;
}

const TensorView* SafetensorsFile::find(std::string_view name) const { return index_.find(tensors_, name); }

void SafetensorsFile::build_index(const std::string& name) {
  const TensorView* twin = index_.build(tensors_);
  if (twin == nullptr) return;
  throw Error({.doing = kReadingSafetensors,
               .where = fmt::format("{}, tensor {}", name, printable(twin->name)),
               .found = "the name twice",
               .expected = "each tensor once"});
}

}  // namespace orrery::formats
