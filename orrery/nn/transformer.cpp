#include "orrery/nn/transformer.h"

#include <fmt/format.h>

#include <cmath>

#include "orrery/nn/gated_product.h"
#include "orrery/nn/packed_attention.h"
#include "orrery/nn/silu_gate.h"

namespace orrery::nn {

namespace {

/// The authors' low-rank pairs leave prompts as they are; biases and scales do not.
at::Tensor of_prompt(Linear linear, const at::Tensor& prompt) {
  if (linear.adapter) linear.adapter->a = linear.adapter->b = at::Tensor();
  return linear(prompt);
}

}  // namespace

at::Tensor Attention::operator()(const NormedInput& x, const text::DecoderSpec& spec, const RotaryAngles& angles,
                                 const PackedRows& rows) const {
  const auto heads = [&](const at::Tensor& y) { return y.unflatten(-1, at::IntArrayRef({-1, spec.head_dim})); };
  at::Tensor queries, keys, values;  // [n, heads, head_dim]
  if (qkv.defined()) {
    const at::Tensor all = qkv(x.value()).unflatten(-1, at::IntArrayRef({spec.heads, 3, spec.head_dim}));
    queries = all.select(2, 0), keys = all.select(2, 1), values = all.select(2, 2);
  } else {
    const std::vector<at::Tensor> products = x.products({&q, &k, &v});
    queries = heads(products[0]), keys = heads(products[1]), values = heads(products[2]);
  }
  if (q_norm) queries = (*q_norm)(queries);
  if (k_norm) keys = (*k_norm)(keys);
  const double scale =
      spec.attention_scale > 0 ? spec.attention_scale : 1 / std::sqrt(static_cast<double>(spec.head_dim));
  AttentionOptions options{scale, window};
  if (angles.are_of_halves() && !prompt.prompt.defined()) {
    const bool normed = q_norm || k_norm;
    options.angles = &angles;
    options.are_rounded = !normed && q.gives_rounded() && k.gives_rounded() && v.gives_rounded();
    return o(packed_attention(queries, keys, values, rows, options).flatten(1));
  }
  const at::Tensor turned = angles.turn(queries);
  at::Tensor mixed = packed_attention(turned, angles.turn(keys), values, rows, options);
  if (prompt.prompt.defined())
    mixed = mixed + prompt(turned, heads(of_prompt(k, prompt.prompt)), heads(of_prompt(v, prompt.prompt)), scale);
  return o(mixed.flatten(1));
}

at::Tensor FeedForward::operator()(const NormedInput& x, text::Activation activation) const {
  if (!gate.defined()) return down(activate(activation, x.products({&up})[0]));
  const std::vector<at::Tensor> products = x.products({&gate, &up});
  if (activation == text::Activation::kSilu) return silu_gated(products[0], products[1]);
  return down(activate(activation, products[0]) * products[1]);
}

at::Tensor FeedForward::silu_gated(const at::Tensor& gated, const at::Tensor& raised) const {
  if (!down.learns_alone() || down.bias.defined()) return down(silu_gate(gated, raised));
  return gated_product(gated, raised, down.weight, {down.half, gate.gives_rounded() && up.gives_rounded()});
}

at::Tensor Mixture::operator()(const at::Tensor& x, const text::DecoderSpec& spec) const {
  const auto [scores, chosen] = router(x).topk(spec.mixture.active, -1);  // [n, active]
  const at::Tensor shares = at::softmax(scores, -1);
  at::Tensor sum = at::zeros_like(x);
  for (size_t e = 0; e < experts.size(); ++e) {
    const at::Tensor places = at::nonzero(chosen.eq(static_cast<int64_t>(e)));  // [m, 2]: token, choice
    if (places.size(0) == 0) continue;
    const at::Tensor token = places.select(1, 0), choice = places.select(1, 1);
    const at::Tensor share = shares.index({token, choice}).unsqueeze(-1);
    sum = sum.index_add(0, token, share * experts[e](x.index_select(0, token), spec.activation));
  }
  return sum;
}

Transformer::Transformer(const text::DecoderSpec& spec, const Parameters& parameters) : spec_(spec) {
  const auto norm = [&](const std::string& name) {
    return parameters.norm(name, spec.norm, spec.norm_eps, spec.norm_offset);
  };
  const auto feed_forward = [&](const std::string& prefix) {
    FeedForward mlp{{}, parameters.linear(prefix + "up_proj"), parameters.linear(prefix + "down_proj")};
    if (spec.gated_mlp) mlp.gate = parameters.linear(prefix + "gate_proj");
    return mlp;
  };
  for (int64_t i = 0; i < spec.layers; ++i) {
    const std::string prefix = fmt::format("model.layers.{}.", i), attention = prefix + "self_attn.";
    Layer& layer = layers_.emplace_back();
    layer.attention_norm = norm(prefix + "input_layernorm");
    if (!spec.parallel_blocks) layer.mlp_norm = norm(prefix + "post_attention_layernorm");
    if (spec.output_norms) {
      layer.attention_out_norm = norm(prefix + "attention_output_norm");
      layer.mlp_out_norm = norm(prefix + "mlp_output_norm");
    }
    if (spec.qkv_interleaved) {
      layer.attention.qkv = parameters.linear(attention + "qkv_proj");
    } else {
      layer.attention.q = parameters.linear(attention + "q_proj");
      layer.attention.k = parameters.linear(attention + "k_proj");
      layer.attention.v = parameters.linear(attention + "v_proj");
    }
    layer.attention.o = parameters.linear(attention + "o_proj");
    layer.attention.o.reads_kept = true;
    if (spec.qk_norm) {
      const auto head_norm = [&](const char* name) {
        return parameters.norm(attention + name, *spec.qk_norm, spec.norm_eps, spec.norm_offset);
      };
      layer.attention.q_norm = head_norm("q_norm");
      layer.attention.k_norm = head_norm("k_norm");
    }
    layer.attention.window = spec.window(i);
    layer.attention.prompt = parameters.prompt(attention);
    if (spec.mixture.experts == 0) {
      layer.mlp = feed_forward(prefix + "mlp.");
      continue;
    }
    layer.mixture.emplace().router = parameters.linear(prefix + "mlp.router");
    for (int64_t e = 0; e < spec.mixture.experts; ++e)
      layer.mixture->experts.push_back(feed_forward(fmt::format("{}mlp.experts.{}.", prefix, e)));
  }
}

void Transformer::begin(const PackedRows& rows) {
  angles_.emplace(spec_.rope, rows);
  if (spec_.local_rope) local_angles_.emplace(*spec_.local_rope, rows);
}

at::Tensor Transformer::run(int64_t index, const at::Tensor& x, const PackedRows& rows) {
  const Layer& layer = layers_[index];
  const bool local = local_angles_ && layer.attention.window > 0;
  const auto attend = [&](const NormedInput& y) {
    return layer.attention(y, spec_, local ? *local_angles_ : *angles_, rows);
  };
  const auto feed_forward = [&](const NormedInput& y) {
    return layer.mixture ? (*layer.mixture)(y.value(), spec_) : (*layer.mlp)(y, spec_.activation);
  };
  if (spec_.parallel_blocks) {
    const NormedInput normal(layer.attention_norm, x);
    return x + attend(normal) + feed_forward(normal);
  }
  const auto normalised = [](const std::optional<Norm>& norm, const at::Tensor& y) { return norm ? (*norm)(y) : y; };
  const at::Tensor attended = x + normalised(layer.attention_out_norm, attend({layer.attention_norm, x}));
  return attended + normalised(layer.mlp_out_norm, feed_forward({layer.mlp_norm, attended}));
}

}  // namespace orrery::nn
