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
      hidden_(max_tokens * spec_.hidden_size * sizeof(float)),
      logits_(max_tokens * spec_.outputs() * sizeof(float)) {  // touched only as far as logits are asked for
  WeightLoader loader(checkpoint, spec, options);
  layers_ = make_layers(loader, {.pool = pool,
                                 .profile = profile_,
                                 .projector = projector_,
                                 .cache = cache,
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
  weights_ = loader.pack(pool, progress);
}

std::span<float> Forward::step(std::span<const Segment> segments) {
  batch_.assign(segments);
  layers_->begin(batch_);
  embed_tokens();
  for (int64_t i = 0; i < spec_.layers; ++i)
    layers_->run(i, batch_, hidden_.as<float>(), i + 1 < spec_.layers ? layers_->first_weights(i + 1) : head_.ahead());
  return logits();
}

void Forward::embed_tokens() {
  Profile::Timer timer(profile_, Profile::kEmbed);
  const int64_t rows = batch_.size(), size = spec_.hidden_size;
  const auto scale = static_cast<float>(spec_.embedding_scale);
  pool_.run((rows + 15) / 16, [&](int64_t chunk, int) {
    for (int64_t row = chunk * 16; row < std::min(rows, chunk * 16 + 16); ++row) {
      const Segment& segment = batch_.segments[batch_.rows[row].segment];
      const std::span<float> out(hidden_.as<float>() + row * size, size);
      embed(checkpoint_, segment.tokens[batch_.rows[row].position - segment.first_position], out);
      if (scale != 1)
        for (float& value : out) value *= scale;
    }
  });
}

std::span<float> Forward::logits() {
  const auto count = static_cast<int64_t>(batch_.logit_rows.size());
  const int64_t size = spec_.hidden_size, outputs = spec_.outputs();
  logit_rows_.assign(batch_.logit_rows.begin(), batch_.logit_rows.end());
  for (int64_t first = 0; first < count; first += kLogitRows) {
    const ProjectionInput x{hidden_.as<float>(),       size, std::min(kLogitRows, count - first), size, &final_norm_,
                            logit_rows_.data() + first};
    projector_.run({x, &head_, logits_.as<float>() + first * outputs, outputs}, Profile::kNorm, Profile::kHead);
  }
  return {logits_.as<float>(), static_cast<size_t>(count * outputs)};
}

}  // namespace orrery::text
