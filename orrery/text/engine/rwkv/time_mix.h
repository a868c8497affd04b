// RWKV's place of attention, of whichever version.
#pragma once

#include <memory>
#include <string>

#include "orrery/text/engine/layers.h"
#include "orrery/text/engine/rwkv/token_shift.h"

namespace orrery::text::rwkv {

class TimeMix {
 public:
  virtual ~TimeMix() = default;
  virtual void load(WeightLoader& loader, int64_t layer, const std::string& prefix) = 0;
  /// What a sequence remembers (time_mix_floats of it) before the first token.
  virtual void reset(std::span<float> state) const = 0;
  /// What the layer reads of the token and the one before.
  virtual std::span<const Mix> mixes(int64_t layer) = 0;
  /// hidden += the mix, of what the mixes hold. Each segment's state is at byte `offset`.
  virtual void run(int64_t layer, const Batch& batch, int64_t offset, float* hidden, const ReadAhead& ahead) = 0;
  virtual ReadAhead first_weights(int64_t layer) const = 0;
};

/// Floats of what a sequence remembers per layer, beside the token shifts.
int64_t time_mix_floats(const DecoderSpec& spec);

/// Shares of the token before; `of_this`: the file says how much of the token itself.
std::vector<float> load_share(const WeightLoader& loader, const std::string& name, bool of_this);

}  // namespace orrery::text::rwkv
