#include "orrery/text/engine/rwkv/token_shift.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace orrery::text::rwkv {

TokenShift::TokenShift(const DecoderSpec& spec, const LayerRuntime& runtime)
    : runtime_(runtime),
      size_(spec.hidden_size),
      normed_(runtime.pool.threads() * 2 * size_ * sizeof(float)),
      last_(runtime.max_tokens * size_ * sizeof(float)) {}

void TokenShift::run(const Batch& batch, const float* hidden, const Norm& norm, int64_t offset,
                     std::span<const Mix> mixes) {
  Profile::Timer timer(runtime_.profile, Profile::kShift);
  const int64_t rows = batch.size(), at_once = rows <= 2 ? rows : 16;
  const auto row_of = [&](int64_t row) { return std::span(hidden + row * size_, static_cast<size_t>(size_)); };
  const auto state_of = [&](int64_t segment) { return batch.segments[segment].state + offset; };
  runtime_.pool.run((rows + at_once - 1) / at_once, [&](int64_t chunk, int thread) {
    float *x = normed_.as<float>() + thread * 2 * size_, *before = x + size_;
    const int64_t first = chunk * at_once, end = std::min(rows, first + at_once);
    for (int64_t row = first; row < end; ++row, std::swap(x, before)) {
      const int32_t segment = batch.rows[row].segment;
      const bool remembered = batch.first_rows[segment] == row;
      if (remembered)
        std::memcpy(before, state_of(segment), size_ * sizeof(float));
      else if (row == first)
        norm(row_of(row - 1), {before, static_cast<size_t>(size_)});
      norm(row_of(row), {x, static_cast<size_t>(size_)});
      for (const Mix& mix : mixes) {
        float* out = mix.out + row * size_;
        for (int64_t i = 0; i < size_; ++i) out[i] = x[i] + (before[i] - x[i]) * mix.share[i];
      }
      if (row + 1 == rows || batch.rows[row + 1].segment != segment)
        std::memcpy(last_.as<float>() + segment * size_, x, size_ * sizeof(float));
    }
  });
  // Only now, for another thread may have had a segment's first row and another its last.
  for (size_t segment = 0; segment < batch.segments.size(); ++segment)
    std::memcpy(state_of(segment), last_.as<float>() + segment * size_, size_ * sizeof(float));
}

}  // namespace orrery::text::rwkv
