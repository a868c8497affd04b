// Opening GGUF files, whole or split by llama.cpp's gguf-split (ggml-org/llama.cpp, tools/gguf-split): each part is a
// GGUF file with the keys split.no (from 0), split.count and split.tensors.count (of all parts together).
#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"

namespace orrery::formats {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_part(const fs::path& part, std::string found, std::string expected, std::string advice = "") {
  throw Error({.doing = "read a split GGUF model",
               .where = part.string(),
               .found = std::move(found),
               .expected = std::move(expected),
               .advice = std::move(advice)});
}

std::string part_ending(int64_t number, int64_t count) { return fmt::format("-{:05}-of-{:05}.gguf", number, count); }

std::string split_text(const GgufFile& file) {
  return fmt::format("split.no {} of split.count {}", file.get_int("split.no").value_or(0),
                     file.get_int("split.count").value_or(1));
}

}  // namespace

GgufFile GgufFile::open(const fs::path& path) {
  MappedFile mapped = MappedFile::open(path);
  GgufFile file = parse(mapped.bytes(), path.string());
  file.files_.push_back(std::move(mapped));
  if (file.get_int("split.count").value_or(1) > 1) file.append_parts(path);
  std::erase_if(file.metadata_, [](const auto& entry) { return entry.first.starts_with("split."); });
  return file;
}

void GgufFile::append_parts(const fs::path& first) {
  const int64_t count = *get_int("split.count"), number = get_int("split.no").value_or(0);
  const std::string name = first.filename().string(), ending = part_ending(number + 1, count);
  if (!name.ends_with(ending))
    refuse_part(first, split_text(*this), "a name that ends in " + ending, "give the parts their original names");
  const std::string stem = name.substr(0, name.size() - ending.size());
  if (number != 0)
    refuse_part(first, split_text(*this), "the first part", "give " + stem + part_ending(1, count) + " instead");
  for (int64_t i = 1; i < count; ++i) {
    const fs::path path = first.parent_path() / (stem + part_ending(i + 1, count));
    if (!fs::exists(path))
      refuse_part(first, fmt::format("no {} beside it", path.filename().string()), fmt::format("all {} parts", count),
                  "the download may be incomplete: fetch that part");
    MappedFile mapped = MappedFile::open(path);
    GgufFile part = parse(mapped.bytes(), path.string());
    if (part.get_int("split.no") != i || part.get_int("split.count") != count)
      refuse_part(path, split_text(part), fmt::format("split.no {} of split.count {}", i, count));
    std::ranges::move(part.tensors_, std::back_inserter(tensors_));
    files_.push_back(std::move(mapped));
  }
  if (const auto total = get_int("split.tensors.count"); total && *total != std::ssize(tensors_))
    refuse_part(first, fmt::format("{} tensors in all {} parts", tensors_.size(), count),
                fmt::format("{}, as split.tensors.count says", *total), "the parts may come from different models");
  if (const TensorView* twin = index_.build(tensors_))
    refuse_part(first, "the tensor " + twin->name + " in two parts", "each tensor once");
}

}  // namespace orrery::formats
