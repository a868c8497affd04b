#include "orrery/nn/parameters.h"

#include "orrery/base/error.h"
#include "orrery/nn/from_view.h"
#include "orrery/text/families/family.h"

namespace orrery::nn {

Parameters::Parameters(const text::Checkpoint& checkpoint) : where_(checkpoint.path().string()) {
  const text::Family& family = text::family_named(checkpoint.spec().family);
  for (const text::ExpectedTensor& expected : text::expected_tensors(family, checkpoint.spec())) {
    const TensorView* view = checkpoint.tensor(expected.canonical);
    if (view == nullptr) continue;  // a head that is the embedding
    tensors_[expected.canonical] = tensor_from_view(*view).view(expected.shape).set_requires_grad(true);
    checkpoint.release(*view);
  }
}

const at::Tensor& Parameters::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    throw Error({.doing = "load a model", .where = where_ + ", tensor " + name, .found = "nothing"});
  return found->second;
}

Linear Parameters::linear(const std::string& prefix) const {
  return {at(prefix + ".weight"), has(prefix + ".bias") ? at(prefix + ".bias") : at::Tensor()};
}

Norm Parameters::norm(const std::string& prefix, text::NormKind kind, double eps, double offset) const {
  return {kind, at(prefix + ".weight"), has(prefix + ".bias") ? at(prefix + ".bias") : at::Tensor(), eps, offset};
}

}  // namespace orrery::nn
