#include "orrery/serve/api/embedding.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>
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

std::string base64(std::span<const float> values) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int count = 0;  // of bits
  for (float value : values) {
    const auto word = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) {
      bits = (bits << 8) | ((word >> shift) & 0xff);
      for (count += 8; count >= 6; count -= 6) out += kDigits[(bits >> (count - 6)) & 63];
    }
  }
  if (count > 0) out += kDigits[(bits << (6 - count)) & 63];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

}  // namespace orrery::serve
