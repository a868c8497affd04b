// Causal convolution of many channels with filters as long as the sequence (Poli et al. 2023, "Hyena Hierarchy"), token
// by token or many at once, in O(n log² n) either way.
//
// Relaxed convolution (van der Hoeven 2002; Oncescu et al. 2024, "Flash Inference"): inputs are cut at multiples of
// kConvBlock. Inside a block the sum is taken directly. Before position T, a multiple of kConvBlock, is computed, the
// newest 2^k inputs, 2^k being the largest power of two that divides T, are convolved at once, by one Fourier
// transform, into the next 2^k outputs, which wait in the places where the inputs of those positions will stand. Every
// pair of input and filter tap is used exactly once, and by positions alone: the result is the same, bit for bit,
// however the inputs are divided over calls.
//
// Channels are SIMD lanes: 16 of them (a group) lie beside each other everywhere, so that no transform ever shuffles.
#pragma once

#include <cstddef>
#include <cstdint>

#include "orrery/base/buffer.h"

namespace orrery::kernels {

constexpr int64_t kConvLanes = 16;    ///< channels of a group
constexpr int64_t kConvBlock = 32;    ///< tokens that are convolved directly: 32 rows of taps and of inputs lie in L1
constexpr int64_t kConvPage = 64;     ///< tokens of a page of history
constexpr int64_t kConvCached = 256;  ///< largest tile whose filter is kept transformed; it costs 4 · kConvCached
                                      ///< floats a channel, and a larger tile half of its time again

/// The filters of one operator, ready for long_conv.
class LongFilter {
 public:
  LongFilter() = default;
  /// Memory for `channels` filters of `length` taps, all zero.
  LongFilter(int64_t channels, int64_t length);

  int64_t channels() const { return channels_; }
  int64_t length() const { return length_; }
  int64_t groups() const { return (channels_ + kConvLanes - 1) / kConvLanes; }
  int64_t bytes() const { return static_cast<int64_t>(memory_.size()); }

  /// To be called when a group's taps and bias are set, once. Groups may be set by different threads at once.
  void transform(int64_t group);

  /// [length, 16]. Channels past the last have none: zeros.
  float* taps(int64_t group) const { return memory_.as<float>() + group * group_floats_; }
  /// [16]: the weights of the inputs themselves.
  float* bias(int64_t group) const { return taps(group) + length_ * kConvLanes; }
  /// [tile, re im, 16]: the transform for tiles of kConvBlock · 2^i <= cached_tile(), in the order that the transform
  /// leaves its points in, divided by their number.
  float* spectrum(int64_t group, int64_t tile) const {
    return bias(group) + kConvLanes + 2 * (tile - kConvBlock) * kConvLanes;
  }
  int64_t cached_tile() const { return cached_tile_; }

 private:
  int64_t channels_ = 0, length_ = 0, cached_tile_ = 0, group_floats_ = 0;
  Buffer memory_;
};

/// What a group of one sequence remembers: pages of kConvPage tokens, [kConvPage, 16] floats each, page_stride floats
/// from one to the next. Row t holds the input of position t once it is there, before that the part of output t that
/// earlier inputs have already given. What stands in fresh rows does not matter.
struct ConvHistory {
  float* pages = nullptr;
  int64_t page_stride = 0;
  int64_t tokens = 0;  ///< rows there are: conv_history_tokens() at least

  float* row(int64_t token) const { return pages + token / kConvPage * page_stride + token % kConvPage * kConvLanes; }
};

/// Rows that a history needs for `inputs` of a sequence that never grows beyond `limit`: less than twice the inputs,
/// for the outputs that wait.
int64_t conv_history_tokens(int64_t inputs, int64_t limit);

/// Floats of scratch memory that long_conv and long_conv_restore want for sequences of at most `limit` tokens.
int64_t long_conv_scratch(int64_t limit);

/// y[t, c] = Σ_{s <= t} x[s, c] · taps[t - s, c] + bias[c] · x[t, c] for t in [position, position + tokens), where x
/// are the inputs of all calls so far, from position 0 on, and this call's are x [tokens, 16]; y [tokens, 16] may be x.
/// position + tokens <= filter.length() and the history's rows. The channels that a last group lacks must be finite.
/// About 5 · log2(t) / 2 multiplications for each level below t per token and channel.
void long_conv(const LongFilter& filter, int64_t group, const ConvHistory& history, int64_t position, int64_t tokens,
               const float* x, float* y, float* scratch);
/// The sum in plain loops, O(tokens · position); uses the history for the inputs alone.
void long_conv_reference(const LongFilter& filter, int64_t group, const ConvHistory& history, int64_t position,
                         int64_t tokens, const float* x, float* y);

/// Makes a history from its first `position` rows: what outputs from `position` on are waiting for is computed again,
/// to the same bits. For sequences that are loaded from a file, forked or cut off.
void long_conv_restore(const LongFilter& filter, int64_t group, const ConvHistory& history, int64_t position,
                       float* scratch);

}  // namespace orrery::kernels
