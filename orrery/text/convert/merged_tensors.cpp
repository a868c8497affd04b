#include "orrery/text/convert/merged_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "orrery/base/error.h"
#include "orrery/kernels/quantize/quantize.h"
#include "orrery/text/adapters/readers.h"
#include "orrery/text/rotary_rows.h"

namespace orrery::text {

namespace {

Error refusal_of(const WeightedAdapter& weighted, std::string found, std::string expected) {
  return Error({.doing = "merge an adapter",
                .where = weighted.adapter.path.string(),
                .found = std::move(found),
                .expected = std::move(expected)});
}

bool is_plain_float(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16; }

}  // namespace

MergedTensors::MergedTensors(const Checkpoint& base, std::span<const WeightedAdapter> adapters, int threads)
    : base_(base), pool_(threads == 0 ? available_cores() : threads) {
  for (const WeightedAdapter& weighted : adapters) add(weighted);
}

void MergedTensors::add(const WeightedAdapter& weighted) {
  const Adapter& adapter = weighted.adapter;
  if (!adapter.prompts.empty())
    throw refusal_of(weighted, fmt::format("gated adaption prompts in {} layers", adapter.prompts.size()),
                     "changes of weights: prompts attend beside the model and cannot be merged into it");
  const auto refuse_weight = [&](const std::string& what) {
    if (weighted.weight != 1)
      throw refusal_of(weighted, fmt::format("{} is replaced or scaled, at weight {}", what, weighted.weight),
                       "weight 1");
  };
  for (const LinearChange& change : adapter.linears) {
    const float factor = weighted.weight * static_cast<float>(change.scale);
    if (change.rank() > 0 || change.input_scale.data != nullptr) {
      Change& weight = change_of(change.module + ".weight", "a change", weighted);
      if (change.rank() > 0) weight.low_rank.push_back({&change, factor, adapter.rope_layout});
      if (change.magnitude.data != nullptr) {
        refuse_weight(change.module);
        weight.lengthened = &change;
      }
      if (weight.lengthened != nullptr && weight.low_rank.size() > 1)
        throw refusal_of(weighted, fmt::format("DoRA of {} beside another adapter's change of it", change.module),
                         "DoRA alone: it gives the rows of what it is put on their lengths");
      if (change.input_scale.data != nullptr) {
        refuse_weight(change.module);
        if (weight.scaled != nullptr) throw refusal_of(weighted, change.module + " scaled twice", "once");
        weight.scaled = &change;
      }
    }
    if (change.bias.data != nullptr)
      change_of(change.module + ".bias", "a bias", weighted).biases.push_back({&change, factor, adapter.rope_layout});
  }
  for (const TensorView& tensor : adapter.replaced) {
    Change& change = change_of(tensor.name, "a replacement", weighted);
    refuse_weight(tensor.name);
    if (change.replaced != nullptr) throw refusal_of(weighted, tensor.name + " replaced twice", "once");
    change.replaced = &tensor;
    change.replaced_layout = adapter.rope_layout;
    if (tensor.shape.size() == 1 && tensor.name.ends_with(".weight") && base_.spec().norm == NormKind::kRms)
      change.replaced_offset = static_cast<float>(adapter.norm_offset - base_.spec().norm_offset);
  }
}

MergedTensors::Change& MergedTensors::change_of(const std::string& canonical, const std::string& what,
                                                const WeightedAdapter& weighted) {
  const TensorView* tensor = base_.tensor(canonical);
  if (tensor == nullptr)
    throw refusal_of(weighted, fmt::format("{} of {}", what, canonical),
                     canonical == "lm_head.weight" ? "a head of its own: this model's is its embedding"
                                                   : "changes of tensors that the base model has");
  if (!is_plain_float(tensor->dtype))
    throw refusal_of(
        weighted, fmt::format("tensor {} of type {} in {}", tensor->name, name(tensor->dtype), base_.path().string()),
        "f32, f16 or bf16: merging into quantised blocks would round the change away; merge into the "
        "original model and quantise the result");
  Change& change = changes_[tensor->name];
  change.base = tensor;
  change.rotated = is_rotated(canonical);
  return change;
}

std::vector<std::string> MergedTensors::names() const {
  std::vector<std::string> names;
  for (const auto& [name, change] : changes_) names.push_back(name);
  return names;
}

/// The row of an adapter whose q and k rows have this layout that goes with a row of the base.
int64_t MergedTensors::row_of(const Change& change, RopeLayout layout, int64_t row) const {
  const DecoderSpec& spec = base_.spec();
  return change.rotated ? rotary_row(row, layout, spec.rope.layout, spec.head_dim, spec.rope.dim) : row;
}

std::span<const std::byte> MergedTensors::bytes(const TensorView& tensor) {
  const auto found = changes_.find(tensor.name);
  if (found == changes_.end()) return {tensor.data, static_cast<size_t>(tensor.bytes)};
  const Change& change = found->second;
  const TensorView& base = *change.base;
  const bool vector = base.shape.size() == 1;  // a bias or norm: rows of one
  const int64_t cols = vector ? 1 : base.cols(), rows = base.elements() / cols, row_bytes = bytes_of(base.dtype, cols);

  struct Factors {
    Part part;
    std::vector<float> a, b;
  };
  std::vector<Factors> low_rank;
  for (const Part& part : change.low_rank)
    low_rank.push_back({part, floats_of(part.change->a), floats_of(part.change->b)});
  std::vector<std::vector<float>> biases;
  for (const Part& part : change.biases) biases.push_back(floats_of(part.change->bias));
  const std::vector<float> scale =
      change.scaled == nullptr ? std::vector<float>{} : floats_of(change.scaled->input_scale);
  const std::vector<float> lengths =
      change.lengthened == nullptr ? std::vector<float>{} : floats_of(change.lengthened->magnitude);
  const std::vector<float> replaced = change.replaced == nullptr ? std::vector<float>{} : floats_of(*change.replaced);

  const auto merge_row = [&](int64_t row, std::span<float> values) {
    if (replaced.empty())
      kernels::dequantize(base.dtype, {base.data + row * row_bytes, static_cast<size_t>(row_bytes)}, values);
    else
      std::copy_n(replaced.begin() + row_of(change, change.replaced_layout, row) * cols, cols, values.begin());
    values[0] += change.replaced_offset;  // a norm's rows have one value
    for (size_t i = 0; i < scale.size(); ++i) values[i] *= scale[i];
    for (const Factors& factors : low_rank) {
      const int64_t rank = factors.part.change->rank();
      const float* b = factors.b.data() + row_of(change, factors.part.layout, row) * rank;
      for (int64_t r = 0; r < rank; ++r)
        for (int64_t i = 0; i < cols; ++i) values[i] += factors.part.factor * b[r] * factors.a[r * cols + i];
    }
    if (!lengths.empty()) {
      const float length = lengths[static_cast<size_t>(row_of(change, change.low_rank[0].layout, row))];
      double squares = 0;
      for (const float value : values) squares += double{value} * value;
      for (float& value : values) value *= length / static_cast<float>(std::sqrt(squares));
    }
    for (size_t i = 0; i < biases.size(); ++i)
      values[0] += change.biases[i].factor * biases[i][row_of(change, change.biases[i].layout, row)];
  };
  result_.resize(static_cast<size_t>(base.bytes));
  pool_.run((rows + 15) / 16, [&](int64_t chunk, int) {
    std::vector<float> values(static_cast<size_t>(cols));
    for (int64_t row = chunk * 16; row < std::min(rows, chunk * 16 + 16); ++row) {
      merge_row(row, values);
      kernels::quantize(base.dtype, values, {result_.data() + row * row_bytes, static_cast<size_t>(row_bytes)});
    }
  });
  return result_;
}

}  // namespace orrery::text
