#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/safetensors.h"
#include "orrery/formats/safetensors_dtype.h"

namespace orrery::formats {
namespace {

using Metadata = std::map<std::string, std::string, std::less<>>;

[[noreturn]] void refuse_tensor(const std::filesystem::path& path, const TensorView& tensor, std::string found,
                                std::string expected) {
  throw Error({.doing = "write a safetensors file",
               .where = fmt::format("{}, tensor {}", path.string(), printable(tensor.name)),
               .found = std::move(found),
               .expected = std::move(expected)});
}

/// Pointers into `tensors` in the order of the file.
std::vector<const TensorView*> file_order(std::span<const TensorView> tensors) {
  std::vector<const TensorView*> order;
  for (const TensorView& tensor : tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const TensorView* a, const TensorView* b) {
    return info(a->dtype).block_bytes > info(b->dtype).block_bytes;
  });
  return order;
}

std::string header_of(const std::filesystem::path& path, std::span<const TensorView* const> order,
                      const Metadata& metadata) {
  nlohmann::ordered_json header;
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::set<std::string_view> names;
  int64_t offset = 0;
  for (const TensorView* tensor : order) {
    const auto dtype = safetensors_from_dtype(tensor->dtype);
    if (!dtype) refuse_tensor(path, *tensor, std::string(name(tensor->dtype)), "one of " + safetensors_dtypes());
    if (!names.insert(tensor->name).second || tensor->name == "__metadata__") {
      refuse_tensor(path, *tensor, "a name that is taken", "another");
    }
    header[tensor->name] = {
        {"dtype", *dtype}, {"shape", tensor->shape}, {"data_offsets", {offset, offset + tensor->bytes}}};
    offset += tensor->bytes;
  }
  std::string text = header.is_null() ? "{}" : header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data starts at a multiple of 8
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors, const Metadata& metadata,
                       const TensorSource& source) {
  const std::vector<const TensorView*> order = file_order(tensors);
  const std::string header = header_of(path, order, metadata);
  AtomicFile file(path);
  const uint64_t header_bytes = header.size();
  file.write(&header_bytes, sizeof header_bytes);
  file.write(header);
  for (const TensorView* tensor : order) {
    const auto bytes = source(*tensor);
    if (std::ssize(bytes) != tensor->bytes || checked_bytes(tensor->dtype, tensor->shape) != tensor->bytes) {
      refuse_tensor(path, *tensor, fmt::format("{} bytes", bytes.size()),
                    fmt::format("shape {} of {}", shape_string(tensor->shape), name(tensor->dtype)));
    }
    file.write(bytes.data(), bytes.size());
  }
  file.commit();
}

void write_safetensors_sharded(const std::filesystem::path& folder, const std::string& stem,
                               std::span<const TensorView> tensors, int64_t shard_bytes, const Metadata& metadata,
                               const TensorSource& source) {
  std::vector<std::span<const TensorView>> shards;
  int64_t total = 0, filled = 0;
  size_t begin = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (i > begin && filled + tensors[i].bytes > shard_bytes) {
      shards.push_back(tensors.subspan(begin, i - begin));
      begin = i;
      filled = 0;
    }
    filled += tensors[i].bytes;
    total += tensors[i].bytes;
  }
  shards.push_back(tensors.subspan(begin));
  if (shards.size() == 1) return write_safetensors(folder / (stem + ".safetensors"), tensors, metadata, source);

  nlohmann::ordered_json index = {{"metadata", {{"total_size", total}}}, {"weight_map", nlohmann::json::object()}};
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = fmt::format("{}-{:05}-of-{:05}.safetensors", stem, i + 1, shards.size());
    write_safetensors(folder / name, shards[i], metadata, source);
    for (const TensorView& tensor : shards[i]) index["weight_map"][tensor.name] = name;
  }
  AtomicFile file(folder / (stem + ".safetensors.index.json"));
  file.write(index.dump(2) + "\n");
  file.commit();
}

}  // namespace orrery::formats
