// One step of the decoder over a batch: tokens in, logits out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "orrery/base/buffer.h"
#include "orrery/base/thread_pool.h"
#include "orrery/text/engine/adapters/adaptation.h"
#include "orrery/text/engine/batch.h"
#include "orrery/text/engine/layers.h"
#include "orrery/text/engine/profile.h"
#include "orrery/text/engine/projector.h"

namespace orrery::text {

/// Embedding, layers, norm, head; with the packed weights of all of them.
class Forward {
 public:
  /// `spec`: the checkpoint's, or what the engine's options have made of it.
  Forward(const Checkpoint& checkpoint, const DecoderSpec& spec, KvCache& cache, ThreadPool& pool, int64_t max_tokens,
          int64_t context, const WeightLoader::Options& options, const std::function<void(int64_t, int64_t)>& progress);

  /// At most max_tokens tokens in all. Writes what the sequences must remember into their pages or states; returns
  /// logits [rows, outputs] of the tokens that asked for them, in order, valid until the next step.
  std::span<float> step(std::span<const Segment> segments);

  /// The same without a head: the hidden states behind the last norm [tokens, hidden_size] of all tokens, valid until
  /// the next step.
  std::span<float> hidden(std::span<const Segment> segments);

  /// What the value head says of the rows whose logits the last step gave [rows]; valid until the next step.
  std::span<float> values();
  /// Embeddings [n, hidden_size] of image patches [n, patches.values()].
  std::vector<float> embed_patches(std::span<const float> patches);
  /// An adapter that was bound to the checkpoint's spec. Between steps.
  std::shared_ptr<const PackedAdapter> pack(const Adapter& bound);

  Profile& profile() { return profile_; }
  int64_t max_tokens() const { return max_tokens_; }
  int64_t weight_bytes() const { return static_cast<int64_t>(weights_.size()); }
  int64_t state_bytes() const { return layers_->state_bytes(); }  ///< of a sequence
  Layers& layers() { return *layers_; }

 private:
  void run_layers(std::span<const Segment> segments);
  void embed_tokens();
  std::span<float> outputs(const Projection& head, int64_t size, Buffer& out);

  const Checkpoint& checkpoint_;
  const DecoderSpec& spec_;
  ThreadPool& pool_;
  const int64_t max_tokens_;
  Profile profile_;
  Projector projector_;
  Adaptation adaptation_;
  std::unique_ptr<Layers> layers_;
  Norm final_norm_;
  Projection head_, value_head_, patches_;
  Buffer weights_;
  Buffer hidden_, logits_, values_;
  std::vector<int32_t> logit_rows_;
  Batch batch_;
};

}  // namespace orrery::text
