#include "orrery/formats/pickle_arena.h"

#include <fmt/format.h>

#include <cstring>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"

namespace orrery::formats {
namespace {

[[noreturn]] void refuse_storage(const std::string& where, std::string_view key, std::string found,
                                 std::string expected) {
  throw Error({.doing = "read a PyTorch file",
               .where = fmt::format("{}, storage {}", where, printable(key)),
               .found = std::move(found),
               .expected = std::move(expected)});
}

/// Row-major order; the stride of an axis of one element says nothing.
bool is_contiguous(const PickleTensor& tensor) {
  int64_t step = 1;
  for (size_t axis = tensor.stride.size(); axis-- > 0;) {
    const int64_t extent = tensor.view.shape[axis];
    if (extent != 1 && tensor.stride[axis] != step) return false;
    step *= extent;
  }
  return true;
}

/// The elements from the first to the last that the tensor touches; nullopt past int64.
std::optional<int64_t> reach(const PickleTensor& tensor) {
  int64_t last = tensor.offset;
  for (size_t axis = 0; axis < tensor.stride.size(); ++axis) {
    int64_t step = 0;
    if (__builtin_mul_overflow(tensor.view.shape[axis] - 1, tensor.stride[axis], &step) ||
        __builtin_add_overflow(last, step, &last)) {
      return std::nullopt;
    }
  }
  return last == INT64_MAX ? std::nullopt : std::optional(last + 1);
}

/// Elements in row-major order, whatever their strides. O(elements).
void gather(const PickleTensor& tensor, const std::byte* from, std::byte* to) {
  const auto& shape = tensor.view.shape;
  const size_t axes = shape.size();
  const int64_t element = info(tensor.view.dtype).block_bytes;
  const int64_t cols = shape.back(), step = tensor.stride.back() * element;
  std::vector<int64_t> index(axes, 0);
  for (int64_t row = 0, rows = tensor.view.elements() / cols; row < rows; ++row) {
    int64_t start = 0;
    for (size_t axis = 0; axis + 1 < axes; ++axis) start += index[axis] * tensor.stride[axis];
    const std::byte* source = from + start * element;
    for (int64_t col = 0; col < cols; ++col, to += element) std::memcpy(to, source + col * step, element);
    for (size_t axis = axes - 1; axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/// A part's bytes are cut from its base's; a base is never a part itself.
void bind_storage(PickleArena& arena, PickleStorage& storage, const std::string& where) {
  if (storage.bytes || !storage.base) return;
  const PickleStorage& base = arena.storages[*storage.base];
  if (base.base || !base.bytes)
    refuse_storage(where, storage.key, "a part of a storage without bytes", "one with them");
  const int64_t element = storage.element_bytes();
  storage.bytes = base.bytes->subspan(storage.base_offset * element, storage.numel * element);
}

}  // namespace

void bind_tensors(PickleArena& arena, int64_t copy_limit, const std::string& where) {
  for (PickleStorage& storage : arena.storages) bind_storage(arena, storage, where);
  for (PickleTensor& tensor : arena.tensors) {
    const PickleStorage& storage = arena.storages[tensor.storage];
    if (!storage.bytes) refuse_storage(where, storage.key, "no bytes of it", "them in the file");
    if (tensor.view.bytes == 0) continue;
    const int64_t element = info(tensor.view.dtype).block_bytes;
    const auto elements = reach(tensor);
    if (!elements || *elements > std::ssize(*storage.bytes) / element) {
      refuse_storage(where, storage.key,
                     fmt::format("a tensor of size {} and stride {} at {}", shape_string(tensor.view.shape),
                                 shape_string(tensor.stride), tensor.offset),
                     fmt::format("one inside its {} bytes", storage.bytes->size()));
    }
    const std::byte* start = storage.bytes->data() + tensor.offset * element;
    if (is_contiguous(tensor)) {
      tensor.view.data = start;
      continue;
    }
    copy_limit -= tensor.view.bytes;
    if (copy_limit < 0) {
      refuse_storage(where, storage.key, fmt::format("strided views of {} and more", shape_string(tensor.view.shape)),
                     "no more bytes of them than the file has");
    }
    auto copy = std::make_unique_for_overwrite<std::byte[]>(tensor.view.bytes);
    gather(tensor, start, copy.get());
    tensor.view.data = copy.get();
    arena.copies.push_back(std::move(copy));
  }
}

}  // namespace orrery::formats
