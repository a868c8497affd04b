// The layers of a decoder, of whichever kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "orrery/base/thread_pool.h"
#include "orrery/text/engine/adapters/adaptation.h"
#include "orrery/text/engine/batch.h"
#include "orrery/text/engine/profile.h"
#include "orrery/text/engine/projector.h"
#include "orrery/text/engine/weight_loader.h"

namespace orrery::text {

/// What layers compute with; outlives them.
struct LayerRuntime {
  ThreadPool& pool;
  Profile& profile;
  Projector& projector;
  KvCache& cache;
  Adaptation& adaptation;
  int64_t max_tokens = 0;  ///< of a step
  int64_t context = 0;     ///< tokens that a sequence may grow to
  bool exact = false;      ///< float32 throughout
};

/// All layers of a model, one MixerKind's. Constructed from a loader that packs the weights afterwards.
class Layers {
 public:
  virtual ~Layers() = default;
  /// Once per step, before its layers.
  virtual void begin(const Batch& batch) = 0;
  /// hidden [batch.size(), hidden_size] becomes the layer's output. `ahead`: what will be read after it.
  virtual void run(int64_t layer, const Batch& batch, float* hidden, const ReadAhead& ahead) = 0;
  /// The weights that the layer reads first.
  virtual ReadAhead first_weights(int64_t layer) const = 0;
  /// What adapters can change of a layer; nullptr: nothing there.
  virtual const Projection* projection(int64_t /*layer*/, Site) const { return nullptr; }
  /// Bytes of Segment::state that a sequence needs; the layers themselves set it up at position 0.
  virtual int64_t state_bytes() const { return 0; }
  /// Of these the first that hold what `tokens` tokens have left: to save a sequence is to copy them, to restore it to
  /// copy them back and let restore_state() complete them.
  virtual int64_t saved_state_bytes(int64_t tokens) const { return tokens == 0 ? 0 : state_bytes(); }
  virtual void restore_state(std::byte* /*state*/, int64_t /*tokens*/) {}
};

/// Columns of the widest input of a projection.
int64_t widest_input(const DecoderSpec& spec);

/// Bytes of state that a sequence of `tokens` tokens has in a model of this spec; 0 for attention.
int64_t state_bytes(const DecoderSpec& spec, int64_t tokens);

/// The layers that the spec's mixer asks for.
std::unique_ptr<Layers> make_layers(WeightLoader& loader, const LayerRuntime& runtime);

}  // namespace orrery::text
