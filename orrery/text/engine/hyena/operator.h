// The Hyena operator (Poli et al. 2023, "Hyena Hierarchy: Towards Larger Convolutional Language Models", sec. 3)
// between its two projections.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "orrery/base/thread_pool.h"
#include "orrery/kernels/long_conv/long_conv.h"
#include "orrery/text/decoder_spec.h"

namespace orrery::text {

/// u [tokens, (order + 1) · d_model] is convolved with short filters and split into gates x_0 … x_(order-1) and v;
/// for o = 0 … order - 2: v = longconv_o(v ⊙ x_(order-1-o)); the result is v ⊙ x_0. All of it is computed for 16
/// channels (a group) at a time; different groups may be computed by different threads.
class HyenaOperator {
 public:
  using Tensors = std::function<std::vector<float>(const std::string& name)>;
  /// Filters of `length` taps from tensors named as in safari: "short_filter.weight",
  /// "filter_fn.implicit_filter.0.bias" …
  HyenaOperator(const HyenaSpec& spec, int64_t d_model, int64_t length, const Tensors& tensors, ThreadPool& pool);

  int64_t groups() const { return long_filters_.front().groups(); }
  int64_t bytes() const;
  int64_t steps() const { return static_cast<int64_t>(long_filters_.size()); }
  const kernels::LongFilter& long_filter(int64_t step) const { return long_filters_[step]; }

  /// What a sequence remembers. Fresh memory may hold anything.
  struct Memory {
    float* before = nullptr;  ///< [before_floats()]: the newest inputs of the short filters
    float* pages = nullptr;   ///< of kConvPage tokens: [page_floats()] each, page_stride from one to the next
    int64_t page_stride = 0;
    int64_t tokens = 0;  ///< that the pages have room for: conv_history_tokens() at least
  };
  int64_t before_floats() const { return (width_ - 1) * inputs_; }
  int64_t page_floats() const { return steps() * groups() * kernels::kConvPage * kernels::kConvLanes; }

  /// Floats of scratch memory of one thread.
  int64_t scratch_floats() const;
  /// A group's part of the tokens from `position` on: u [tokens, u_stride] -> y [tokens, y_stride], columns
  /// [16 · group, …) of d_model.
  void run(int64_t group, int64_t position, int64_t tokens, const float* u, int64_t u_stride, const Memory& memory,
           float* y, int64_t y_stride, float* scratch) const;
  /// A group's memory from `before` and the first `position` rows of its pages (kernels::long_conv_restore).
  void restore(int64_t group, int64_t position, const Memory& memory, float* scratch) const;

 private:
  void set_long_filters(const HyenaSpec& spec, int64_t length, const Tensors& tensors, ThreadPool& pool);
  kernels::ConvHistory history(const Memory& memory, int64_t step, int64_t group) const;

  int64_t d_model_, inputs_, width_;
  std::vector<float> short_weight_, short_bias_;   // [width, inputs], [inputs]
  std::vector<kernels::LongFilter> long_filters_;  // per step
};

}  // namespace orrery::text
