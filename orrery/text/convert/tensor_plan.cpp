#include "orrery/text/convert/tensor_plan.h"

#include <algorithm>

#include "orrery/kernels/quantize/quantize.h"
#include "orrery/text/convert/gguf_metadata.h"
#include "orrery/text/rotary_rows.h"

namespace orrery::text {

namespace {

/// The spec's attention scale over the one that llama.cpp takes.
double query_scale(const Family& family, const DecoderSpec& spec) {
  return family.gguf_attention_scale && spec.attention_scale > 0
             ? spec.attention_scale / family.gguf_attention_scale(spec)
             : 1;
}

/// "NAME" of slice_name(NAME, i); the name itself where it is no slice.
std::string stack_of(const std::string& name) { return name.substr(0, name.find('#')); }

int64_t slices_of(const std::vector<ExpectedTensor>& all, const std::string& stack) {
  return std::ranges::count_if(all, [&](const ExpectedTensor& tensor) { return stack_of(tensor.gguf) == stack; });
}

/// Experts' matrices are one tensor of three axes; vectors (RWKV's mixes) one of four, [slices, 1, 1, channels].
std::vector<int64_t> stacked(std::vector<int64_t> slice, int64_t slices) {
  if (slice.size() == 1) slice.insert(slice.begin(), 2, 1);
  slice.insert(slice.begin(), slices);
  return slice;
}

}  // namespace

int64_t TensorPlan::source_bytes() const {
  int64_t sum = 0;
  for (const TensorView* source : sources) sum += source->bytes;
  return sum;
}

const TensorView& TensorPlans::made(std::string name, std::vector<float> values) {
  const std::vector<float>& kept = values_.emplace_back(std::move(values));
  return views_.emplace_back(TensorView{.name = std::move(name),
                                        .dtype = DType::kF32,
                                        .shape = {int64_t(kept.size())},
                                        .data = reinterpret_cast<const std::byte*>(kept.data()),
                                        .bytes = int64_t(kept.size() * sizeof(float))});
}

// llama.cpp multiplies with a norm's weight as it is, where some hub files leave one to be added.
const TensorView& TensorPlans::adjusted_norm(const TensorView& source, double scale) {
  if (spec_.norm_offset == 0 && scale == 1) return source;
  std::vector<float> values(source.elements());
  kernels::dequantize(source.dtype, {source.data, size_t(source.bytes)}, values);
  for (float& value : values) value = float((value + spec_.norm_offset) * scale);
  return made(source.name, std::move(values));
}

TensorPlans::TensorPlans(const Checkpoint& checkpoint, const Family& family, const Mixture& mixture)
    : spec_(checkpoint.spec()) {
  const DecoderSpec& spec = spec_;
  const MixtureModel model{spec.layers, spec.heads / spec.kv_heads, !spec.tied_embeddings, spec.mixture.experts};
  const std::vector<ExpectedTensor> all = expected_tensors(family, spec);
  for (const ExpectedTensor& expected : all) {
    const std::string name = stack_of(expected.gguf);
    const TensorView* source = checkpoint.tensor(expected.canonical);
    // A query's norm takes what llama.cpp's idea of the attention's scale leaves out.
    if (expected.canonical.ends_with("norm.weight"))
      source = &adjusted_norm(*source, expected.canonical.ends_with("q_norm.weight") ? query_scale(family, spec) : 1);
    const bool slice = name != expected.gguf;
    if (slice && !expected.gguf.ends_with("#0")) {  // of a stack whose first slice has a plan
      for (auto plan = plans_.rbegin(); plan != plans_.rend(); ++plan)
        if (plan->target.name == name) {
          plan->sources.push_back(source);
          break;
        }
      continue;
    }
    TensorPlan& plan = plans_.emplace_back();
    plan.sources = {source};
    plan.target = {.name = name, .dtype = source->dtype, .shape = source->shape};
    if (slice) plan.target.shape = stacked(source->shape, slices_of(all, name));
    plan.target.dtype = source->shape.size() < 2 ? DType::kF32 : mixed_type(mixture, model, plan.target).type;
    plan.target.bytes = bytes_of(plan.target.dtype, plan.target.elements());
    if (family.gguf_layout == RopeLayout::kInterleaved && spec.rope.layout == RopeLayout::kHalf &&
        is_rotated(expected.canonical))
      plan.order = [dim = spec.rope.dim, head_dim = spec.head_dim](int64_t row) {
        return rotary_row(row, RopeLayout::kHalf, RopeLayout::kInterleaved, head_dim, dim);
      };
  }
  for (const auto& [name, source] : family.gguf_stand_ins)
    if (const auto plan = std::ranges::find(plans_, source, [](const TensorPlan& p) { return p.target.name; });
        plan != plans_.end()) {
      TensorPlan copy = *plan;
      copy.target.name = name;
      plans_.push_back(std::move(copy));
    }
  for (auto& [name, divisors] : rope_divisors(spec.rope)) {
    const TensorView& view = made(name, std::move(divisors));
    plans_.push_back({view, {&view}, {}});
  }
}

}  // namespace orrery::text
