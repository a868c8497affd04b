#include "orrery/formats/shard_index.h"

#include <fmt/format.h>

#include <set>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/strict_json.h"

namespace orrery::formats {
namespace {

constexpr int64_t kIndexBudget = 64 << 20;  // 200,000 tensors and their names
constexpr uint64_t kShardCost = 192, kMaxBytes = 16 << 20;

/// {"metadata": anything, "weight_map": {tensor: file, …}}
class IndexJson : public StrictJson {
 public:
  IndexJson(ByteReader& reader, ShardIndex& out) : StrictJson(reader), out_(out) {}

  bool start_object(size_t) override { return open("an object"); }
  bool start_array(size_t) override { return depth_ == 0 || in_map() ? StrictJson::start_array(0) : open("an array"); }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }
  bool key(string_t& text) override {
    if (depth_ == 1) section_ = text;
    if (depth_ == 2 && in_map()) tensor_ = text;
    return true;
  }
  bool string(string_t& text) override {
    if (!in_map()) return scalar("a string");
    if (text.empty() || text == "." || text == ".." || text.find('/') != text.npos || text.find('\0') != text.npos) {
      refuse(printable(text));
    }
    reader_.charge(kShardCost + tensor_.size() + text.size(), place());
    if (!out_.weight_map.emplace(tensor_, text).second) refuse("the tensor twice");
    return true;
  }
  bool null() override { return scalar("null"); }
  bool boolean(bool) override { return scalar("a bool"); }
  bool number_integer(number_integer_t) override { return scalar("a number"); }
  bool number_unsigned(number_unsigned_t) override { return scalar("a number"); }
  bool number_float(number_float_t, const string_t&) override { return scalar("a number"); }

 private:
  bool in_map() const { return depth_ >= 1 && section_ == "weight_map"; }
  bool open(const char* found) {
    if (in_map() && depth_ != 1) refuse(found);
    ++depth_;
    return true;
  }
  bool scalar(const char* found) const {
    if (depth_ == 0 || in_map()) refuse(found);
    return true;
  }
  std::string place() const override { return in_map() ? "weight_map " + printable(tensor_) : "JSON"; }
  std::string expected() const override {
    return in_map() ? "the name of a file in the same folder, once for each tensor" : "an object with a weight_map";
  }

  ShardIndex& out_;
  int64_t depth_ = 0;
  std::string section_, tensor_;
};

}  // namespace

ShardIndex read_shard_index(const std::filesystem::path& path) {
  return parse_shard_index(MappedFile::open(path).bytes(), path);
}

ShardIndex parse_shard_index(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  ByteReader reader(bytes, "read the index of a sharded checkpoint", path.string());
  reader.set_budget(kIndexBudget);
  if (bytes.size() > kMaxBytes) {
    reader.fail("JSON", std::to_string(bytes.size()) + " bytes", "at most " + std::to_string(kMaxBytes));
  }
  ShardIndex index;
  IndexJson(reader, index).run(reader.take_text(bytes.size(), "JSON"));
  if (index.weight_map.empty()) reader.fail("JSON", "no weight_map", "one that names each tensor's file");
  std::set<std::string> names;
  for (const auto& [tensor, name] : index.weight_map) names.insert(name);
  for (const std::string& name : names) index.files.push_back(path.parent_path() / name);
  return index;
}

std::vector<MappedFile> open_shards(const std::filesystem::path& path, const std::vector<TensorView>& tensors,
                                    const std::function<void(const MappedFile& shard)>& append) {
  std::vector<MappedFile> files;
  if (path.extension() != ".json") {
    append(files.emplace_back(MappedFile::open(path)));
    return files;
  }
  ShardIndex index = read_shard_index(path);
  const auto refuse = [](const std::filesystem::path& file, std::string found, std::string expected) {
    throw Error({.doing = "read a sharded checkpoint",
                 .where = file.string(),
                 .found = std::move(found),
                 .expected = std::move(expected),
                 .advice = "index and shards may come from different revisions: fetch them again"});
  };
  for (const auto& shard : index.files) {
    size_t i = tensors.size();
    append(files.emplace_back(MappedFile::open(shard)));
    for (; i < tensors.size(); ++i) {
      const auto named = index.weight_map.find(tensors[i].name);
      if (named == index.weight_map.end()) continue;
      if (named->second != shard.filename())
        refuse(shard, "the tensor " + printable(tensors[i].name), "it in " + named->second + ", as the index says");
      index.weight_map.erase(named);
    }
  }
  for (const auto& [tensor, shard] : index.weight_map)
    refuse(path, fmt::format("no tensor {} in {}", printable(tensor), printable(shard)), "it there, as the index says");
  return files;
}

}  // namespace orrery::formats
