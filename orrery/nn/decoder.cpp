#include "orrery/nn/decoder.h"

#include "orrery/nn/embedding.h"
#include "orrery/nn/recomputed.h"

namespace orrery::nn {

Decoder::Decoder(const text::Checkpoint& checkpoint, const text::Adapter* adapter, const ParameterOptions& options)
    : spec_(checkpoint.spec()),
      parameters_(checkpoint, adapter, options),
      embedding_(parameters_.at("model.embed_tokens.weight")),
      blocks_(make_blocks(spec_, parameters_)),
      norm_(parameters_.norm("model.norm", spec_.norm, spec_.norm_eps, spec_.norm_offset)),
      head_(spec_.labels > 0        ? parameters_.linear("score")
            : spec_.tied_embeddings ? Linear{.weight = embedding_, .half = options.half}
                                    : parameters_.linear("lm_head")) {
  if (spec_.value_head) value_head_ = parameters_.linear("v_head.summary");
  if (spec_.patches.size > 0) patches_ = parameters_.linear("vision_embed_tokens");
}

at::Tensor Decoder::embed(const PackedRows& rows) const {
  at::Tensor x = embedding_rows(embedding_, rows.tokens) * spec_.embedding_scale;
  if (rows.noise.defined()) x = x + rows.noise;
  return rows.patches.defined() ? x.index_copy(0, rows.patch_places, patches_(rows.patches)) : x;
}

void Decoder::begin(const PackedRows& rows) {
  parameters_.name_pass(rows.dropout);
  blocks_->begin(rows);
}

/// A layer as a function that may be called again later, when its rows are gone and another pass has begun.
std::function<at::Tensor(const at::Tensor&)> Decoder::layer_again(int64_t layer, const PackedRows& rows) {
  return [this, layer, rows](const at::Tensor& x) {
    if (at::GradMode::is_enabled()) begin(rows);  // the second time
    return blocks_->run(layer, x, rows);
  };
}

at::Tensor Decoder::hidden(const PackedRows& rows, std::vector<at::Tensor>* streams) {
  begin(rows);
  at::Tensor x = embed(rows);
  const bool checkpointing = checkpointing_ && at::GradMode::is_enabled() && spec_.mixer != text::MixerKind::kRwkv7;
  if (checkpointing && !x.requires_grad()) x = x.detach().set_requires_grad(true);
  for (int64_t i = 0; i < spec_.layers; ++i) {
    if (streams) streams->push_back(x);
    x = checkpointing ? recomputed(layer_again(i, rows), x) : blocks_->run(i, x, rows);
  }
  if (streams) streams->push_back(x);
  return norm_(x);
}

}  // namespace orrery::nn
