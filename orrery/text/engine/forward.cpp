#include "orrery/text/engine/forward.h"

#include <algorithm>

namespace orrery::text {

constexpr int64_t kLogitRows = 16;  // rows of logits made at once

Forward::Forward(const Checkpoint& checkpoint, const DecoderSpec& spec, KvCache& cache, ThreadPool& pool,
                 int64_t max_tokens, int64_t context, const WeightLoader::Options& options,
                 const std::function<void(int64_t, int64_t)>& progress)
    : checkpoint_(checkpoint),
      spec_(spec),
      pool_(pool),
      max_tokens_(max_tokens),
      projector_(pool, profile_, max_tokens, widest_input(spec_)),
      adaptation_(projector_),
      hidden_(max_tokens * spec_.hidden_size * sizeof(float)),
      logits_(max_tokens * spec_.outputs() * sizeof(float)) {  // touched only as far as logits are asked for
  WeightLoader loader(checkpoint, spec, options);
  layers_ = make_layers(loader, {.pool = pool,
                                 .profile = profile_,
                                 .projector = projector_,
                                 .cache = cache,
                                 .adaptation = adaptation_,
                                 .max_tokens = max_tokens,
                                 .context = context,
                                 .exact = options.exact});
  final_norm_ = loader.norm("model.norm");
  if (spec_.labels > 0)
    loader.add(head_, "score");
  else if (spec_.tied_embeddings)
    loader.add(head_, {loader.rows("model.embed_tokens.weight")});
  else
    loader.add(head_, "lm_head");
  if (spec_.value_head) {
    loader.add(value_head_, "v_head.summary");
    values_ = Buffer(max_tokens * sizeof(float));
  }
  if (spec_.patches.size > 0) loader.add(patches_, "vision_embed_tokens");
  weights_ = loader.pack(pool, progress);
}

std::shared_ptr<const PackedAdapter> Forward::pack(const Adapter& bound) {
  const auto projection = [this](int64_t layer, Site site) {
    return site == Site::kHead ? &head_ : layers_->projection(layer, site);
  };
  return std::make_shared<const PackedAdapter>(bound, WeightLoader(checkpoint_, spec_, {}), projection, projector_);
}

void Forward::run_layers(std::span<const Segment> segments) {
  batch_.assign(segments);
  adaptation_.begin(batch_);
  layers_->begin(batch_);
  embed_tokens();
  for (int64_t i = 0; i < spec_.layers; ++i)
    layers_->run(i, batch_, hidden_.as<float>(), i + 1 < spec_.layers ? layers_->first_weights(i + 1) : head_.ahead());
}

std::span<float> Forward::step(std::span<const Segment> segments) {
  run_layers(segments);
  return outputs(head_, spec_.outputs(), logits_);
}

std::span<float> Forward::hidden(std::span<const Segment> segments) {
  run_layers(segments);
  const int64_t size = spec_.hidden_size;
  for (int64_t row = 0; row < batch_.size(); ++row) {
    const std::span<float> state(hidden_.as<float>() + row * size, size);
    final_norm_(state, state);
  }
  return {hidden_.as<float>(), static_cast<size_t>(batch_.size() * size)};
}

std::span<float> Forward::values() { return outputs(value_head_, 1, values_); }

std::vector<float> Forward::embed_patches(std::span<const float> patches) {
  if (patches.empty()) return {};
  const int64_t values = spec_.patches.values(), size = spec_.hidden_size;
  const int64_t count = static_cast<int64_t>(patches.size()) / values;
  std::vector<float> rows(count * size);
  for (int64_t first = 0; first < count; first += max_tokens_) {
    const ProjectionInput x{patches.data() + first * values, values, std::min(max_tokens_, count - first), values};
    projector_.run({x, &patches_, rows.data() + first * size, size}, Profile::kEmbed, Profile::kEmbed);
  }
  return rows;
}

void Forward::embed_tokens() {
  Profile::Timer timer(profile_, Profile::kEmbed);
  const int64_t rows = batch_.size(), size = spec_.hidden_size;
  const auto scale = static_cast<float>(spec_.embedding_scale);
  pool_.run((rows + 15) / 16, [&](int64_t chunk, int) {
    for (int64_t row = chunk * 16; row < std::min(rows, chunk * 16 + 16); ++row) {
      const Segment& segment = batch_.segments[batch_.rows[row].segment];
      const std::span<float> out(hidden_.as<float>() + row * size, size);
      const int64_t i = batch_.rows[row].position - segment.first_position;
      if (!segment.embeddings.empty() && segment.embeddings[i]) {
        std::copy_n(segment.embeddings[i], size, out.data());
        continue;
      }
      embed(checkpoint_, segment.tokens[i], out);
      if (scale != 1)
        for (float& value : out) value *= scale;
    }
  });
}

// [rows that asked for logits, `outputs`] of a head.
std::span<float> Forward::outputs(const Projection& head, int64_t outputs, Buffer& out) {
  const auto count = static_cast<int64_t>(batch_.logit_rows.size());
  const int64_t size = spec_.hidden_size;
  logit_rows_.assign(batch_.logit_rows.begin(), batch_.logit_rows.end());
  for (int64_t first = 0; first < count; first += kLogitRows) {
    const ProjectionInput x{hidden_.as<float>(),       size, std::min(kLogitRows, count - first), size, &final_norm_,
                            logit_rows_.data() + first};
    adaptation_.run(0, Site::kHead, {x, &head, out.as<float>() + first * outputs, outputs}, Profile::kNorm,
                    Profile::kHead);
  }
  return {out.as<float>(), static_cast<size_t>(count * outputs)};
}

}  // namespace orrery::text
