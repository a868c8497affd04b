#include "orrery/formats/pickle_arena.h"
#include "orrery/formats/torch_pickle.h"

namespace orrery::formats {

std::optional<bool> TorchValue::as_bool() const {
  return kind_ == Kind::kBool ? std::optional(as_.integer != 0) : std::nullopt;
}

std::optional<int64_t> TorchValue::as_int() const {
  return kind_ == Kind::kInt ? std::optional(as_.integer) : std::nullopt;
}

std::optional<double> TorchValue::as_float() const {
  if (kind_ == Kind::kInt) return static_cast<double>(as_.integer);
  return kind_ == Kind::kFloat ? std::optional(as_.real) : std::nullopt;
}

std::optional<std::string_view> TorchValue::as_string() const {
  if (kind_ != Kind::kString && kind_ != Kind::kBytes) return std::nullopt;
  return std::string_view(as_.text, size_);
}

const TensorView* TorchValue::as_tensor() const { return kind_ == Kind::kTensor ? as_.tensor : nullptr; }

size_t TorchValue::size() const {
  switch (kind_) {
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
      return as_.container->items.size();
    case Kind::kDict:
    case Kind::kNamespace:
      return as_.container->items.size() / 2;
    default:
      return 0;
  }
}

TorchValue TorchValue::at(size_t i) const {
  const bool pairs = kind_ == Kind::kDict || kind_ == Kind::kNamespace;
  return as_.container->items[pairs ? 2 * i + 1 : i];
}

TorchValue TorchValue::key(size_t i) const { return as_.container->items[2 * i]; }

TorchValue TorchValue::find(std::string_view key) const {
  if (kind_ != Kind::kDict && kind_ != Kind::kNamespace) return {};
  for (size_t i = 0; i < size(); ++i) {
    if (this->key(i).as_string() == key) return at(i);
  }
  return {};
}

}  // namespace orrery::formats
