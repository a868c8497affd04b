#include "orrery/nn/parameters.h"

#include <fmt/format.h>

#include "orrery/base/error.h"
#include "orrery/nn/from_view.h"
#include "orrery/text/families/family.h"
#include "orrery/text/rotary_rows.h"

namespace orrery::nn {

Parameters::Parameters(const text::Checkpoint& checkpoint, const text::Adapter* adapter,
                       const ParameterOptions& options)
    : where_(checkpoint.path().string()),
      spec_(checkpoint.spec()),
      options_(options),
      dropout_(std::make_shared<Dropout>(Dropout{options.lora_dropout, options.seed, {}})) {
  const text::Family& family = text::family_named(checkpoint.spec().family);
  for (const text::ExpectedTensor& expected : text::expected_tensors(family, checkpoint.spec())) {
    const TensorView* view = checkpoint.tensor(expected.canonical);
    if (view == nullptr) continue;  // a head that is the embedding
    if (options.blocks && adapter && is_block_type(view->dtype) && expected.canonical.starts_with("model.layers.")) {
      blocks_[expected.canonical] = *view;
      continue;
    }
    const auto release = [&](const TensorView& rows) { checkpoint.release(rows); };
    tensors_[expected.canonical] = tensor_from_view(*view, release).set_requires_grad(adapter == nullptr);
  }
  if (adapter) adapt(*adapter);
}

void Parameters::add(const std::string& name, const TensorView& view, bool learns) {
  tensors_[name] = tensor_from_view(view).set_requires_grad(learns);
}

void Parameters::adapt(const text::Adapter& adapter) {
  for (const text::AdaptionPrompt& prompt : adapter.prompts) {
    const std::string prefix = fmt::format("model.layers.{}.self_attn.adaption_", prompt.layer);
    const auto learned = [](const std::vector<float>& values, at::IntArrayRef shape) {
      return at::tensor(values).reshape(shape).set_requires_grad(true);
    };
    tensors_[prefix + "prompt"] = learned(prompt.prompt, {prompt.length, spec_.hidden_size});
    tensors_[prefix + "gate"] = learned(prompt.file_gates, {spec_.heads});
    if (prompt.new_gate != 0) tensors_[prefix + "new_gate"] = learned({prompt.new_gate}, {1});
    gates_by_tanh_ = prompt.tanh;
  }
  for (const text::LinearChange& change : adapter.linears) {
    scales_[change.module] = change.scale;
    const std::pair<const char*, const TensorView*> parts[] = {{".lora_A.weight", &change.a},
                                                               {".lora_B.weight", &change.b},
                                                               {".added_bias", &change.bias},
                                                               {".input_scale", &change.input_scale},
                                                               {".lora_magnitude_vector", &change.magnitude}};
    for (const auto& [name, view] : parts) {
      if (view->data == nullptr) continue;
      add(change.module + name, *view, true);
      const bool outputs = view == &change.b || view == &change.bias || view == &change.magnitude;
      if (outputs && text::is_rotated(change.module)) reorder(change.module + name, adapter.rope_layout);
    }
  }
  for (const TensorView& view : adapter.replaced) add(view.name, view, true);
}

/// Rows of q and k as the base has them.
void Parameters::reorder(const std::string& name, text::RopeLayout from) {
  if (from == spec_.rope.layout) return;
  at::Tensor& tensor = tensors_[name];
  const at::Tensor order = at::empty({tensor.size(0)}, at::kLong);
  for (int64_t row = 0; row < tensor.size(0); ++row)
    order.data_ptr<int64_t>()[row] = text::rotary_row(row, from, spec_.rope.layout, spec_.head_dim, spec_.rope.dim);
  tensor = tensor.detach().index_select(0, order).set_requires_grad(true);
}

at::Tensor Parameters::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? at::Tensor() : found->second;
}

const at::Tensor& Parameters::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    throw Error({.doing = "load a model", .where = where_ + ", tensor " + name, .found = "nothing"});
  return found->second;
}

Linear Parameters::linear(const std::string& prefix) const {
  Linear linear{.bias = find(prefix + ".bias"), .half = options_.half};
  if (const auto blocks = blocks_.find(prefix + ".weight"); blocks != blocks_.end())
    linear.blocks = blocks->second;
  else
    linear.weight = at(prefix + ".weight");
  if (const auto scale = scales_.find(prefix); scale != scales_.end())
    linear.adapter = LinearAdapter{find(prefix + ".lora_A.weight"),
                                   find(prefix + ".lora_B.weight"),
                                   find(prefix + ".added_bias"),
                                   find(prefix + ".input_scale"),
                                   scale->second,
                                   adapter_off_,
                                   find(prefix + ".lora_magnitude_vector"),
                                   prefix.starts_with("model.layers.") ? dropout_ : nullptr,
                                   prefix};
  return linear;
}

AdaptionPrompt Parameters::prompt(const std::string& prefix) const {
  return {find(prefix + "adaption_prompt"), find(prefix + "adaption_gate"), find(prefix + "adaption_new_gate"),
          gates_by_tanh_};
}

Norm Parameters::norm(const std::string& prefix, text::NormKind kind, double eps, double offset) const {
  return {kind, at(prefix + ".weight"), find(prefix + ".bias"), eps, offset};
}

}  // namespace orrery::nn
