#include "orrery/formats/torch_pickle.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/pickle_arena.h"
#include "orrery/formats/shard_index.h"
#include "orrery/formats/torch_container.h"
#include "orrery/formats/zip_reader.h"

namespace orrery::formats {
namespace {

constexpr const char* kReadingTorch = "read a PyTorch file";

// Room for any checkpoint (some 1.7 KB a tensor, so 28,000 tensors in the smallest file), and yet a bound for hostile
// ones.
constexpr int64_t kPickleBudget = 48 << 20, kNamesBudget = 24 << 20, kCopyBudget = 16 << 20;
constexpr int kMaxDepth = 64;
constexpr int64_t kVisitCost =
    16;  // a tree that shares its nodes can be walked for ever: a step costs this much of the budget

/// Collects a tree's tensors under their names, and refuses trees that no checkpoint is.
class Flattener {
 public:
  Flattener(const std::string& where, int64_t budget, std::vector<TensorView>& out)
      : where_(where), budget_(budget), out_(out) {}

  void visit(TorchValue value, int depth) {
    using Kind = TorchValue::Kind;
    charge(kVisitCost);
    if (depth > kMaxDepth) refuse("containers nested deeper", fmt::format("at most {} levels", kMaxDepth));
    if (const TensorView* tensor = value.as_tensor()) return add(*tensor);
    const bool named = value.kind() == Kind::kDict || value.kind() == Kind::kNamespace;
    if (named) check_keys(value);
    const size_t parent = path_.size();
    for (size_t i = 0; i < value.size(); ++i) {
      if (parent > 0) path_ += '.';
      if (named) charge(std::ssize(value.key(i).as_string().value_or("")));
      path_ += named ? key_text(value.key(i)) : std::to_string(i);
      visit(value.at(i), depth + 1);
      path_.resize(parent);
    }
  }

 private:
  void add(const TensorView& tensor) {
    charge(3 * static_cast<int64_t>(sizeof(TensorView)) + 3 * std::ssize(path_) + 16 * std::ssize(tensor.shape));
    out_.push_back(tensor);
    out_.back().name = path_;
  }

  std::string key_text(TorchValue key) const {
    if (const auto text = key.as_string()) return std::string(*text);
    if (const auto number = key.as_int()) return std::to_string(*number);
    if (const auto number = key.as_float()) return fmt::format("{}", *number);
    return "?";
  }

  /// A dict that was read twice from one file has its keys once: two of a name are two opinions about one tensor.
  void check_keys(TorchValue dict) {
    charge(kVisitCost * static_cast<int64_t>(dict.size()));
    std::vector<std::string_view> keys;
    for (size_t i = 0; i < dict.size(); ++i) {
      if (const auto text = dict.key(i).as_string()) keys.push_back(*text);
    }
    std::sort(keys.begin(), keys.end());
    const auto twin = std::adjacent_find(keys.begin(), keys.end());
    if (twin != keys.end()) refuse("the key " + printable(*twin) + " twice", "each key once");
  }

  void charge(int64_t bytes) {
    budget_ -= bytes;
    if (budget_ < 0) refuse("more values and longer names than any checkpoint of this size has", "fewer");
  }

  [[noreturn]] void refuse(std::string found, std::string expected) const {
    throw Error({.doing = kReadingTorch,
                 .where = fmt::format("{}, object at {}", where_, printable(path_)),
                 .found = std::move(found),
                 .expected = std::move(expected)});
  }

  const std::string& where_;
  int64_t budget_;
  std::vector<TensorView>& out_;
  std::string path_;
};

}  // namespace

void TorchFile::append(std::span<const std::byte> bytes, const std::string& name) {
  ByteReader reader(bytes, kReadingTorch, name);
  auto arena = std::make_shared<PickleArena>();
  const auto size = std::ssize(bytes);
  const int64_t budget = kPickleBudget + size / 64;
  const TorchValue root =
      ZipReader::is_zip(bytes) ? read_torch_zip(reader, *arena, budget) : read_torch_stream(reader, *arena, budget);
  bind_tensors(*arena, kCopyBudget + size, name);
  Flattener(name, kNamesBudget + size / 128, tensors_).visit(root, 0);
  if (arenas_.empty()) root_ = root;
  arenas_.push_back(std::move(arena));
}

TorchFile TorchFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  TorchFile file;
  file.append(bytes, name);
  file.build_index(name);
  return file;
}

TorchFile TorchFile::open(const std::filesystem::path& path) {
  TorchFile file;
  file.files_ = open_shards(path, file.tensors_,
                            [&](const MappedFile& shard) { file.append(shard.bytes(), shard.path().string()); });
  file.build_index(path.string());
  return file;
}

const TensorView* TorchFile::find(std::string_view name) const { return index_.find(tensors_, name); }

void TorchFile::build_index(const std::string& name) {
  const TensorView* twin = index_.build(tensors_);
  if (twin == nullptr) return;
  throw Error({.doing = kReadingTorch,
               .where = fmt::format("{}, tensor {}", name, printable(twin->name)),
               .found = "the name twice",
               .expected = "each tensor once"});
}

}  // namespace orrery::formats
