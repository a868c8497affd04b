// The globals that a PyTorch checkpoint may name (pytorch/pytorch: torch/_utils.py, torch/serialization.py), and what
// is built in place of calling them.
#include <fmt/format.h>

#include <array>

#include "orrery/formats/unpickler.h"

namespace orrery::formats {
namespace {

constexpr size_t kTorchMaxDims = 64;  // PyTorch's own
constexpr int64_t kTensorCost = sizeof(PickleTensor) + 64 + 4 * sizeof(int64_t);
constexpr int64_t kStorageCost = sizeof(PickleStorage) + 64;

enum class Name : uint8_t {
  kOrderedDict,
  kCounter,
  kSet,
  kNamespace,
  kSize,
  kRebuildTensor,
  kRebuildTensorV3,
  kRebuildParameter,
  kStorageType,
  kDtype
};

struct Global {
  std::string_view module, name;
  Name meaning;
  std::optional<DType> dtype = std::nullopt;  // of storage types and dtypes; a storage without one is untyped
};

constexpr auto kGlobals = std::to_array<Global>({
    {"collections", "OrderedDict", Name::kOrderedDict},
    {"collections", "Counter", Name::kCounter},
    {"builtins", "set", Name::kSet},
    {"builtins", "frozenset", Name::kSet},
    {"__builtin__", "set", Name::kSet},
    {"__builtin__", "frozenset", Name::kSet},
    {"argparse", "Namespace", Name::kNamespace},
    {"torch", "Size", Name::kSize},
    {"torch._utils", "_rebuild_tensor", Name::kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", Name::kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v3", Name::kRebuildTensorV3},
    {"torch._utils", "_rebuild_parameter", Name::kRebuildParameter},
    {"torch._utils", "_rebuild_parameter_with_state", Name::kRebuildParameter},
    {"torch.storage", "UntypedStorage", Name::kStorageType},
    {"torch", "UntypedStorage", Name::kStorageType},
    {"torch", "FloatStorage", Name::kStorageType, DType::kF32},
    {"torch", "HalfStorage", Name::kStorageType, DType::kF16},
    {"torch", "BFloat16Storage", Name::kStorageType, DType::kBF16},
    {"torch", "DoubleStorage", Name::kStorageType, DType::kF64},
    {"torch", "CharStorage", Name::kStorageType, DType::kI8},
    {"torch", "ShortStorage", Name::kStorageType, DType::kI16},
    {"torch", "IntStorage", Name::kStorageType, DType::kI32},
    {"torch", "LongStorage", Name::kStorageType, DType::kI64},
    {"torch", "ByteStorage", Name::kStorageType, DType::kU8},
    {"torch", "BoolStorage", Name::kStorageType, DType::kBool},
    {"torch", "float32", Name::kDtype, DType::kF32},
    {"torch", "float16", Name::kDtype, DType::kF16},
    {"torch", "bfloat16", Name::kDtype, DType::kBF16},
    {"torch", "float64", Name::kDtype, DType::kF64},
    {"torch", "float8_e4m3fn", Name::kDtype, DType::kF8E4M3},
    {"torch", "float8_e5m2", Name::kDtype, DType::kF8E5M2},
    {"torch", "int8", Name::kDtype, DType::kI8},
    {"torch", "int16", Name::kDtype, DType::kI16},
    {"torch", "int32", Name::kDtype, DType::kI32},
    {"torch", "int64", Name::kDtype, DType::kI64},
    {"torch", "uint8", Name::kDtype, DType::kU8},
    {"torch", "uint16", Name::kDtype, DType::kU16},
    {"torch", "uint32", Name::kDtype, DType::kU32},
    {"torch", "uint64", Name::kDtype, DType::kU64},
    {"torch", "bool", Name::kDtype, DType::kBool},
});

}  // namespace

TorchValue Unpickler::global(std::string_view module, std::string_view name) {
  for (size_t i = 0; i < kGlobals.size(); ++i) {
    if (kGlobals[i].module == module && kGlobals[i].name == name) return indexed(Kind::kName, i);
  }
  fail(fmt::format("the global {}", printable(std::string(module) + "." + std::string(name))),
       "only tensors, containers, argparse.Namespace, numbers and strings",
       "this reader never runs a pickle's code; save a plain state_dict instead");
}

/// ('storage', type, key, location, numel) and, in the stream form, None or (key of the part, first element, elements).
TorchValue Unpickler::persistent(TorchValue id) {
  const auto fields = items_of(id, Kind::kTuple, "a persistent id");
  if (fields.size() < 5 || fields.size() > 6 || fields[0].as_string() != "storage" || !fields[2].as_string() ||
      !fields[4].as_int()) {
    fail("a persistent id that is no storage", "('storage', type, key, location, numel)");
  }
  const size_t root = storage(*fields[2].as_string(), fields[1], *fields[4].as_int());
  if (fields.size() == 5 || fields[5].kind() == Kind::kNone) return indexed(Kind::kStorage, root);
  const auto part = items_of(fields[5], Kind::kTuple, "a storage's part");
  if (part.size() != 3 || !part[0].as_string() || !part[1].as_int() || !part[2].as_int()) {
    fail("a storage's part", "(key, first element, elements)");
  }
  const int64_t offset = *part[1].as_int(), numel = *part[2].as_int(), whole = arena_.storages[root].numel;
  if (offset < 0 || offset > whole || numel > whole - offset) {
    fail(fmt::format("elements {} to {} + {} of a storage", offset, offset, numel),
         fmt::format("a part of its {}", whole));
  }
  const size_t view = storage(*part[0].as_string(), fields[1], numel);
  PickleStorage& made = arena_.storages[view];
  if (view != root && !made.base) {
    made.base = root;
    made.base_offset = offset;
  }
  return indexed(Kind::kStorage, view);
}

/// The storage of that key, made where it is new.
size_t Unpickler::storage(std::string_view key, TorchValue type, int64_t numel) {
  if (type.kind_ != Kind::kName || kGlobals[type.as_.index].meaning != Name::kStorageType) {
    fail("a storage of no storage type", "torch.FloatStorage or its kin");
  }
  if (numel < 0) fail(fmt::format("a storage of {} elements", numel), "0 or more");
  const std::optional<DType> dtype = kGlobals[type.as_.index].dtype;
  const auto [entry, is_new] = storage_index_.try_emplace(key, arena_.storages.size());
  if (is_new) {
    charge(kStorageCost);
    arena_.storages.push_back({.key = key, .dtype = dtype, .numel = numel});
  } else if (const PickleStorage& known = arena_.storages[entry->second];
             known.dtype != dtype || known.numel != numel) {
    fail("storage " + printable(key) + " with another type or size", "the same each time");
  }
  return entry->second;
}

TorchValue Unpickler::reduce(TorchValue callable, TorchValue arguments) {
  if (callable.kind_ != Kind::kName) fail("a call of something that is no name", "a known name");
  const Global& name = kGlobals[callable.as_.index];
  const auto args = items_of(arguments, Kind::kTuple, "arguments");
  switch (name.meaning) {
    case Name::kOrderedDict:
      return ordered_dict(args);
    case Name::kRebuildTensor:
      return rebuild_tensor(args, /*with_dtype=*/false);
    case Name::kRebuildTensorV3:
      return rebuild_tensor(args, /*with_dtype=*/true);
    case Name::kRebuildParameter:  // (data, requires_grad, hooks[, state])
      if (args.empty() || args[0].kind() != Kind::kTensor) fail("a parameter without a tensor", "its tensor");
      return args[0];
    case Name::kCounter:
      return container(Kind::kDict, args.empty() ? args : items_of(args[0], Kind::kDict, "a Counter's argument"));
    case Name::kSet:
      return container(Kind::kSet, args.empty() ? args : items_of(args[0], Kind::kList, "a set's argument"));
    case Name::kSize:
      return container(Kind::kTuple, args.empty() ? args : items_of(args[0], Kind::kTuple, "a Size's argument"));
    case Name::kNamespace:
    case Name::kStorageType:
    case Name::kDtype:
      break;
  }
  fail(fmt::format("a call of {}.{}", name.module, name.name), "its use as a name only");
}

/// () or, as Python 2 wrote it, ([[key, value], …],)
TorchValue Unpickler::ordered_dict(std::span<const TorchValue> arguments) {
  std::vector<TorchValue> items;
  if (!arguments.empty()) {
    for (const TorchValue pair : items_of(arguments[0], Kind::kList, "an OrderedDict's argument")) {
      const Kind kind = pair.kind() == Kind::kTuple ? Kind::kTuple : Kind::kList;
      const auto entry = items_of(pair, kind, "an OrderedDict's entry");
      if (entry.size() != 2) fail("an OrderedDict's entry", "key and value");
      items.insert(items.end(), entry.begin(), entry.end());
    }
  }
  return container(Kind::kDict, items);
}

/// (storage, offset, size, stride, requires_grad, hooks[, dtype][, metadata])
TorchValue Unpickler::rebuild_tensor(std::span<const TorchValue> arguments, bool with_dtype) {
  if (arguments.size() < (with_dtype ? 7 : 4))
    fail("a tensor without its arguments", "storage, offset, size, stride, …");
  if (arguments[0].kind_ != Kind::kStorage || !arguments[1].as_int())
    fail("a tensor without a storage", "storage, offset, …");
  charge(kTensorCost);
  PickleTensor tensor;
  tensor.storage = arguments[0].as_.index;
  tensor.offset = *arguments[1].as_int();
  tensor.view.shape = extents(arguments[2], "size");
  tensor.stride = extents(arguments[3], "stride");
  std::optional<DType> dtype = arena_.storages[tensor.storage].dtype;
  if (with_dtype) {
    if (arguments[6].kind_ != Kind::kName || kGlobals[arguments[6].as_.index].meaning != Name::kDtype || dtype) {
      fail("a tensor of no dtype", "a torch dtype on an untyped storage");
    }
    dtype = kGlobals[arguments[6].as_.index].dtype;
  }
  if (!dtype) fail("a tensor on an untyped storage", "its dtype");
  tensor.view.dtype = *dtype;
  const auto bytes = checked_bytes(*dtype, tensor.view.shape);
  if (!bytes || tensor.offset < 0 || tensor.stride.size() != tensor.view.shape.size()) {
    fail(fmt::format("a tensor of size {} and stride {} at {}", shape_string(tensor.view.shape),
                     shape_string(tensor.stride), tensor.offset),
         "as many strides as axes and a product in range");
  }
  tensor.view.bytes = *bytes;
  TorchValue made;
  made.kind_ = Kind::kTensor;
  made.as_.tensor = &arena_.tensors.emplace_back(std::move(tensor)).view;
  return made;
}

std::vector<int64_t> Unpickler::extents(TorchValue tuple, const char* what) {
  const auto items = items_of(tuple, Kind::kTuple, what);
  if (items.size() > kTorchMaxDims)
    fail(fmt::format("{} axes", items.size()), fmt::format("at most {}", kTorchMaxDims));
  charge(2 * sizeof(int64_t) * std::ssize(items));
  std::vector<int64_t> numbers;
  for (const TorchValue& item : items) {
    if (item.kind() != Kind::kInt || item.as_.integer < 0) fail(std::string("a tensor's ") + what, "integers from 0");
    numbers.push_back(item.as_.integer);
  }
  return numbers;
}

TorchValue Unpickler::new_object(TorchValue type, TorchValue arguments) {
  const auto args = items_of(arguments, Kind::kTuple, "arguments");
  if (type.kind_ == Kind::kName && args.empty()) {
    const Name meaning = kGlobals[type.as_.index].meaning;
    if (meaning == Name::kNamespace) return container(Kind::kNamespace, {});
    if (meaning == Name::kOrderedDict || meaning == Name::kCounter) return container(Kind::kDict, {});
  }
  fail("an object of a type that is made in another way", "argparse.Namespace() or OrderedDict()");
}

/// A namespace's attributes; a dict's (OrderedDict._metadata) are passed over.
void Unpickler::build(TorchValue object, TorchValue state) {
  const auto attributes = items_of(state, Kind::kDict, "an object's state");
  if (object.kind_ == Kind::kNamespace) {
    if (object.as_.container != state.as_.container) extend(*object.as_.container, attributes);
  } else if (object.kind_ != Kind::kDict) {
    fail("attributes of something that has none", "those of a Namespace or OrderedDict");
  }
}

std::span<const TorchValue> Unpickler::items_of(TorchValue value, Kind kind, const char* what) {
  if (value.kind_ != kind)
    fail(std::string(what) + " of another kind", "a tuple, list or dict as the pickler writes it");
  return value.as_.container->items;
}

}  // namespace orrery::formats
