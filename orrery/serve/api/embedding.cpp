#include "orrery/serve/api/embedding.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace orrery::serve {

std::vector<float> embedding(Model& model, std::span<const text::TokenId> tokens) {
  std::vector<double> sum(static_cast<size_t>(model.engine.spec().hidden_size), 0.0);
  model.engine.hidden(tokens, [&](int64_t, std::span<const float> state) {
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += state[i];
  });
  double squares = 0;
  for (double value : sum) squares += value * value;
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;  // of a sum: the mean has the same direction
  std::vector<float> out;
  out.reserve(sum.size());
  for (double value : sum) out.push_back(static_cast<float>(value * scale));
  return out;
}

std::string float_list(std::span<const float> values) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ",", values[i]);
  return out + "]";
}

}  // namespace orrery::serve
