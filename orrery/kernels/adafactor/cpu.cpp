#include <algorithm>
#include <numeric>
#include <vector>

#include "orrery/kernels/adafactor/shared.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/adafactor/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// f(i, load, store) for vectors of a row, the last one masked: load gives 0 and store leaves alone what is past the
/// end.
template <class F>
HWY_INLINE void ForVectors(size_t size, const F& f) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= size; i += lanes)
    f(
        i, [d](const float* from) HWY_ATTR { return hn::LoadU(d, from); },
        [d](V value, float* to) HWY_ATTR { hn::StoreU(value, d, to); });
  if (i == size) return;
  const auto mask = hn::FirstN(d, size - i);
  f(
      i, [d, mask](const float* from) HWY_ATTR { return hn::MaskedLoad(mask, d, from); },
      [d, mask](V value, float* to) HWY_ATTR { hn::BlendedStore(value, mask, d, to); });
}

/// Adds (scale·g)² to a row's column sums and returns their sum.
double AddSquares(float scale, std::span<const float> g, float* columns) {
  const D d;
  const V factor = hn::Set(d, scale);
  V sum = hn::Zero(d);
  ForVectors(g.size(), [&](size_t j, const auto& load, const auto& store) HWY_ATTR {
    const V value = hn::Mul(factor, load(g.data() + j)), square = hn::Mul(value, value);
    sum = hn::Add(sum, square);
    store(hn::Add(load(columns + j), square), columns + j);
  });
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

/// Σ (g·column)².
double UpdateSquares(std::span<const float> g, const float* columns) {
  const D d;
  V sum = hn::Zero(d);
  ForVectors(g.size(), [&](size_t j, const auto& load, const auto&) HWY_ATTR {
    const V value = hn::Mul(load(g.data() + j), load(columns + j));
    sum = hn::MulAdd(value, value, sum);
  });
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

/// p = kept·p - rate·g·column.
void Apply(float kept, float rate, std::span<const float> g, const float* columns, float* p) {
  const D d;
  const V k = hn::Set(d, kept), r = hn::Set(d, rate);
  ForVectors(g.size(), [&](size_t j, const auto& load, const auto& store) HWY_ATTR {
    const V u = hn::Mul(hn::Mul(r, load(columns + j)), load(g.data() + j));
    store(hn::MulSub(k, load(p + j), u), p + j);
  });
}

double SumOfSquares(std::span<const float> values) {
  const D d;
  V sum = hn::Zero(d);
  ForVectors(values.size(), [&](size_t j, const auto& load, const auto&) HWY_ATTR {
    const V value = load(values.data() + j);
    sum = hn::MulAdd(value, value, sum);
  });
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(AddSquares);
HWY_EXPORT(UpdateSquares);
HWY_EXPORT(Apply);
HWY_EXPORT(SumOfSquares);

void adafactor(const AdafactorStep& step, std::span<float> parameters, std::span<const float> gradients,
               std::span<float> row, std::span<float> column, const RunParts& run) {
  if (isa() == Isa::kReference) return adafactor_reference(step, parameters, gradients, row, column);
  constexpr size_t kParts = 32;
  const size_t rows = row.size(), columns = column.size(), height = (rows + kParts - 1) / kParts;
  const size_t parts = (rows + height - 1) / height;
  const double beta = second_moment_decay(step);
  const auto scale = static_cast<float>(step.gradient_scale);
  const auto row_of = [columns](auto values, size_t i) { return values.subspan(i * columns, columns); };
  const auto for_rows = [&](const auto& work) {  // work(part, row)
    run(static_cast<int64_t>(parts), [&](int64_t p) {
      const auto part = static_cast<size_t>(p);
      for (size_t i = part * height; i < std::min(rows, (part + 1) * height); ++i) work(part, i);
    });
  };

  std::vector<float> part_columns(parts * columns);
  std::vector<double> parameter_squares(parts), update_squares(parts);
  for_rows([&](size_t part, size_t i) {
    const double sum = HWY_DYNAMIC_DISPATCH(AddSquares)(scale, row_of(gradients, i), &part_columns[part * columns]);
    row[i] = static_cast<float>(beta * row[i] + (1 - beta) * (sum / static_cast<double>(columns) + kAdafactorEps));
    if (step.scale_parameter) parameter_squares[part] += HWY_DYNAMIC_DISPATCH(SumOfSquares)(row_of(parameters, i));
  });
  std::vector<float> column_factors(columns);
  for (size_t j = 0; j < columns; ++j) {
    double sum = 0;
    for (size_t part = 0; part < parts; ++part) sum += part_columns[part * columns + j];
    column[j] = static_cast<float>(beta * column[j] + (1 - beta) * (sum / static_cast<double>(rows) + kAdafactorEps));
    column_factors[j] = static_cast<float>(step.gradient_scale / std::sqrt(static_cast<double>(column[j])));
  }
  const double mean = std::accumulate(row.begin(), row.end(), 0.0) / static_cast<double>(rows);
  std::vector<double> row_factors(rows);
  for_rows([&](size_t part, size_t i) {
    row_factors[i] = std::sqrt(mean / row[i]);
    const double sum = HWY_DYNAMIC_DISPATCH(UpdateSquares)(row_of(gradients, i), column_factors.data());
    update_squares[part] += row_factors[i] * row_factors[i] * sum;
  });
  const auto total = [](const std::vector<double>& sums) { return std::accumulate(sums.begin(), sums.end(), 0.0); };
  const double rate = scaled_rate(step, total(parameter_squares), parameters.size());
  const double clipped = rate / clip_divisor(step, total(update_squares), parameters.size());
  for_rows([&](size_t, size_t i) {
    HWY_DYNAMIC_DISPATCH(Apply)
    (static_cast<float>(1 - rate * step.weight_decay), static_cast<float>(clipped * row_factors[i]),
     row_of(gradients, i), column_factors.data(), row_of(parameters, i).data());
  });
}

}  // namespace orrery::kernels
#endif
