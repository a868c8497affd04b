// What a pickle unpickles into: nodes owned in one place, so that shared and even cyclic structures cost nothing to
// hold or to drop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/tensor_view.h"
#include "orrery/formats/torch_pickle.h"

namespace orrery::formats {

struct PickleContainer {
  std::vector<TorchValue> items;  ///< a dict's keys and values alternate
};

/// A run of elements that tensors share.
struct PickleStorage {
  std::string_view key;
  std::optional<DType> dtype;  ///< nullopt: untyped, counted in bytes
  int64_t numel = 0;
  std::optional<size_t> base;                       ///< the storage that this is a part of (stream form only) …
  int64_t base_offset = 0;                          ///< … from this element on
  std::optional<std::span<const std::byte>> bytes;  ///< set when the container has been read

  int64_t element_bytes() const { return dtype ? info(*dtype).block_bytes : 1; }
};

struct PickleTensor {
  TensorView view;  ///< name and data are empty until the storages are known
  size_t storage = 0;
  int64_t offset = 0;  ///< elements
  std::vector<int64_t> stride;
};

struct PickleArena {
  std::deque<PickleContainer> containers;
  std::deque<PickleTensor> tensors;
  std::deque<PickleStorage> storages;
  std::vector<std::unique_ptr<std::byte[]>> copies;
};

/// Points every tensor's view at its storage's bytes; strided ones at a contiguous copy. `copy_limit` bounds the bytes
/// of all copies. Throws Error naming `where` and the storage.
void bind_tensors(PickleArena& arena, int64_t copy_limit, const std::string& where);

}  // namespace orrery::formats
