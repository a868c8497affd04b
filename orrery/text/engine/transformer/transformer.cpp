#include "orrery/text/engine/transformer/transformer.h"

#include <fmt/format.h>

#include <algorithm>

namespace orrery::text {

using kernels::MatmulOutput;

Transformer::Transformer(WeightLoader& loader, const LayerRuntime& runtime)
    : spec_(loader.spec()), runtime_(runtime), norms_(spec_.layers), attention_(loader.spec(), runtime) {
  if (spec_.mixture.experts > 0)
    mixture_.emplace(spec_, runtime);
  else
    mlp_.emplace(spec_, runtime);
  for (int64_t i = 0; i < spec_.layers; ++i) {
    const std::string prefix = fmt::format("model.layers.{}.", i);
    norms_[i].attention = loader.norm(prefix + "input_layernorm");
    if (!spec_.parallel_blocks) norms_[i].mlp = loader.norm(prefix + "post_attention_layernorm");
    if (spec_.output_norms) {
      norms_[i].attention_out = loader.norm(prefix + "attention_output_norm");
      norms_[i].mlp_out = loader.norm(prefix + "mlp_output_norm");
    }
    attention_.load(loader, i, prefix + "self_attn.");
    if (mixture_) mixture_->load(loader, i, prefix + "mlp.");
    if (mlp_) mlp_->load(loader, i, prefix + "mlp.");
  }
  if (spec_.output_norms) added_ = Buffer(runtime.max_tokens * spec_.hidden_size * sizeof(float));
}

void Transformer::begin(const Batch& batch) { attention_.begin(batch); }

ReadAhead Transformer::first_weights(int64_t layer) const { return attention_.first_weights(layer); }

const Projection* Transformer::projection(int64_t layer, Site site) const {
  if (site == Site::kQkv || site == Site::kOutput) return attention_.projection(layer, site);
  return mlp_ ? mlp_->projection(layer, site) : nullptr;
}

// x + attention(norm(x)), then x + mlp(norm(x)); each output normalised before it is added in Gemma 3.
void Transformer::run(int64_t layer, const Batch& batch, float* hidden, const ReadAhead& ahead) {
  if (spec_.parallel_blocks) return run_parallel(layer, batch, hidden, ahead);
  const Norms& norms = norms_[layer];
  const ProjectionInput x{hidden, spec_.hidden_size, batch.size(), spec_.hidden_size, &norms.attention};
  const ReadAhead mlp_ahead = mlp_ ? mlp_->first_weights(layer) : ReadAhead{};

  runtime_.adaptation.run(layer, Site::kQkv, attention_.qkv(layer, x), Profile::kNorm, Profile::kQkv,
                          attention_.cache_ahead(layer, batch));
  attention_.attend(layer, batch);
  add_product(layer, Site::kOutput, attention_.output(layer, batch.size(), hidden), norms.attention_out,
              Profile::kPackAttention, Profile::kOutput, mlp_ahead);

  ProjectionInput y = x;
  y.norm = &norms.mlp;
  if (mixture_) return mixture_->run(layer, y, hidden);
  runtime_.adaptation.run(layer, Site::kGateUp, mlp_->input(layer, y), Profile::kNorm, Profile::kGateUp,
                          mlp_->last_weights(layer));
  mlp_->activate(layer, batch.size());
  add_product(layer, Site::kDown, mlp_->output(layer, batch.size(), hidden), norms.mlp_out, Profile::kPackMlp,
              Profile::kDown, ahead);
}

// x + attention(n) + mlp(n) with n = norm(x).
void Transformer::run_parallel(int64_t layer, const Batch& batch, float* hidden, const ReadAhead& ahead) {
  const ProjectionInput x{hidden, spec_.hidden_size, batch.size(), spec_.hidden_size, &norms_[layer].attention};
  const Product inputs[] = {attention_.qkv(layer, x), mlp_->input(layer, x)};
  Adaptation& adaptation = runtime_.adaptation;
  if (adaptation.active()) {
    adaptation.run(layer, Site::kQkv, inputs[0], Profile::kNorm, Profile::kQkv);
    adaptation.run(layer, Site::kGateUp, inputs[1], Profile::kNorm, Profile::kQkv);
  } else {
    runtime_.projector.run(inputs, Profile::kNorm, Profile::kQkv, attention_.cache_ahead(layer, batch));
  }
  mlp_->activate(layer, batch.size());
  attention_.attend(layer, batch);
  adaptation.run(layer, Site::kOutput, attention_.output(layer, batch.size(), hidden), Profile::kPackAttention,
                 Profile::kOutput, mlp_->last_weights(layer));
  adaptation.run(layer, Site::kDown, mlp_->output(layer, batch.size(), hidden), Profile::kPackMlp, Profile::kDown,
                 ahead);
}

// product.out += norm(product)
void Transformer::add_product(int64_t layer, Site site, Product product, const std::optional<Norm>& norm,
                              Profile::Stage pack, Profile::Stage multiply, const ReadAhead& ahead) {
  product.mode = norm ? MatmulOutput::kStore : MatmulOutput::kAdd;
  float* hidden = product.out;
  if (norm) product.out = added_.as<float>();
  runtime_.adaptation.run(layer, site, product, pack, multiply, ahead);
  if (!norm) return;
  const int64_t rows = product.input.count;
  runtime_.pool.run((rows + 15) / 16, [&](int64_t chunk, int) {
    for (int64_t row = chunk * 16; row < std::min(rows, chunk * 16 + 16); ++row) {
      const std::span<float> added(product.out + row * product.stride, spec_.hidden_size);
      (*norm)(added, added);
      float* to = hidden + row * spec_.hidden_size;
      for (size_t i = 0; i < added.size(); ++i) to[i] += added[i];
    }
  });
}

}  // namespace orrery::text
