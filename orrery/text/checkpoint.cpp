#include "orrery/text/checkpoint.h"

#include <algorithm>

#include "orrery/base/error.h"

namespace orrery::text {

const Tokenizer& Checkpoint::tokenizer() const {
  if (!tokenizer_)
    throw Error({.doing = "read the model's tokenizer",
                 .where = path_.string(),
                 .found = "none",
                 .expected = "tokenizer.json or tokenizer.model beside the weights"});
  return *tokenizer_;
}

const TensorView* Checkpoint::tensor(std::string_view canonical_name) const {
  const auto entry = canonical_.find(canonical_name);
  return entry == canonical_.end() ? nullptr : &tensors_[entry->second];
}

const TensorView* Checkpoint::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &TensorView::name);
  return found == tensors_.end() ? nullptr : &*found;
}

}  // namespace orrery::text
