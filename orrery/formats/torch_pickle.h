// PyTorch checkpoints (.bin, .pth, .pt): the zip form of PyTorch 1.6 and later, and the stream of pickles before it
// (pytorch/pytorch, torch/serialization.py). A pickle is a program; this reader runs none of it: it knows tensors,
// containers, argparse.Namespace, numbers and strings, and refuses everything else by name.
#pragma once

#include <cstdint>
#include <filesystem>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/file.h"
#include "orrery/base/tensor_view.h"
#include "orrery/formats/tensor_index.h"

namespace orrery::formats {

struct PickleContainer;
struct PickleArena;

/// One value of an unpickled object: a small handle, valid as long as the TorchFile it came from.
class TorchValue {
 public:
  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kString,
    kBytes,  ///< bytes, or an integer that needs more than 64 bits (its little-endian two's complement)
    kList,
    kTuple,
    kSet,
    kDict,       ///< dict, OrderedDict, Counter
    kNamespace,  ///< argparse.Namespace: its attributes are read as a dict
    kTensor,
    kStorage,  ///< a tensor's memory without the tensor
    kName      ///< a type that was only mentioned, such as torch.FloatStorage
  };

  TorchValue() = default;
  Kind kind() const { return kind_; }
  /// nullopt / nullptr when the value is something else; as_float takes integers too.
  std::optional<bool> as_bool() const;
  std::optional<int64_t> as_int() const;
  std::optional<double> as_float() const;
  std::optional<std::string_view> as_string() const;
  const TensorView* as_tensor() const;

  /// Entries of a list, tuple, set, dict or namespace; 0 for the rest.
  size_t size() const;
  /// The i-th item, or the i-th entry's value and key, in the file's order. i < size().
  TorchValue at(size_t i) const;
  TorchValue key(size_t i) const;
  /// The value under a string key of a dict or namespace; None when it is absent or this is something else, so that
  /// look-ups chain: root.find("args").find("hidden_dim").as_int(). O(size).
  TorchValue find(std::string_view key) const;

 private:
  friend class Unpickler;

  Kind kind_ = Kind::kNone;
  uint32_t size_ = 0;  // of text
  union {
    int64_t integer;
    double real;
    const char* text;
    PickleContainer* container;
    const TensorView* tensor;
    size_t index;  // of a storage or a name
  } as_ = {.integer = 0};
};

/// A mapped checkpoint, or all shards that an index names. Contiguous tensors are views into the file; a strided one (a
/// transposed matrix, say) is copied once, at open. Immutable after open.
class TorchFile {
 public:
  /// A .bin/.pth/.pt file, or an index (*.bin.index.json). Throws Error naming the file and the place: an unknown
  /// global (by its name), an opcode that has no business here, storages that are missing or too small, tensors past
  /// their storage, duplicate names, nesting or counts past any real checkpoint's, compressed zip entries, big-endian
  /// data. Memory beside the copies of strided tensors (which may not exceed the file's own size by much) stays below
  /// 100 MB whatever the file says.
  static TorchFile open(const std::filesystem::path& path);
  /// One file's bytes in memory (for tests and fuzzing); `bytes` must outlive the result.
  static TorchFile parse(std::span<const std::byte> bytes, const std::string& name);

  /// What torch.load would have returned; of the first shard where there are several.
  TorchValue root() const { return root_; }
  /// Every tensor in the tree, named by the way to it: keys and list positions joined by '.', so that a plain
  /// state_dict keeps its names and {"model": {"w": …}, "optimizer": …} gives "model.w". Tensors that share a storage
  /// share their bytes.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  const std::vector<MappedFile>& files() const { return files_; }

 private:
  void append(std::span<const std::byte> bytes, const std::string& name);
  void build_index(const std::string& name);

  std::vector<MappedFile> files_;
  std::vector<std::shared_ptr<const PickleArena>> arenas_;
  TorchValue root_;
  std::vector<TensorView> tensors_;
  TensorIndex index_;
};

}  // namespace orrery::formats
