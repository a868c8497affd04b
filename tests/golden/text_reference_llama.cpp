#include "tests/golden/text_reference_llama.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "orrery/kernels/quantize/quantize.h"

namespace orrery::text::golden {

namespace {

using Vector = std::vector<float>;

/// A tensor as float32; empty when there is none.
Vector load(const Checkpoint& checkpoint, const std::string& name) {
  const TensorView* tensor = checkpoint.tensor(name);
  if (!tensor) return {};
  Vector values(tensor->elements());
  kernels::dequantize(tensor->dtype, {tensor->data, size_t(tensor->bytes)}, values);
  return values;
}

/// y = W x + b with W [rows, x.size()].
Vector linear(const Vector& weight, const Vector& bias, std::span<const float> x) {
  Vector y = bias.empty() ? Vector(weight.size() / x.size()) : bias;
  for (size_t row = 0; row < y.size(); ++row)
    y[row] += std::inner_product(x.begin(), x.end(), weight.begin() + row * x.size(), 0.0f);
  return y;
}

Vector rms_norm(std::span<const float> x, const Vector& weight, double eps) {
  const float square = std::inner_product(x.begin(), x.end(), x.begin(), 0.0f);
  const float scale = 1.0f / std::sqrt(square / float(x.size()) + float(eps));
  Vector y(x.size());
  for (size_t i = 0; i < y.size(); ++i) y[i] = x[i] * scale * weight[i];
  return y;
}

/// Peng et al. 2023, sec. 3.2: frequencies that turn often within the trained context stay, slow ones are interpolated.
double yarn_share_interpolated(const RopeSpec& rope, int64_t i) {
  const auto correction = [&](double rotations) {
    return double(rope.dim) * std::log(double(rope.original_context) / (rotations * 2 * M_PI)) /
           (2 * std::log(rope.theta));
  };
  const double low = std::max(0.0, std::floor(correction(rope.beta_fast)));
  const double high = std::min(double(rope.dim - 1), std::ceil(correction(rope.beta_slow)));
  return std::clamp((double(i) - low) / std::max(0.001, high - low), 0.0, 1.0);
}

/// Llama 3.1's scaling (meta-llama/llama-models, apply_scaling).
double llama3_frequency(const RopeSpec& rope, double frequency) {
  const double turns = double(rope.original_context) * frequency / (2 * M_PI);
  const double smooth =
      std::clamp((turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor), 0.0, 1.0);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

float frequency(const RopeSpec& rope, int64_t i) {
  const double plain = std::pow(rope.theta, -2.0 * double(i) / double(rope.dim));
  switch (rope.scaling) {
    case RopeSpec::Scaling::kLongRope:  // of a sequence that the trained context holds
      return float(plain / rope.short_factors[i]);
    case RopeSpec::Scaling::kNtk:  // not in any file
    case RopeSpec::Scaling::kDynamic:
    case RopeSpec::Scaling::kNone:
      return float(plain);
    case RopeSpec::Scaling::kLinear:
      return float(plain / rope.factor);
    case RopeSpec::Scaling::kLlama3:
      return float(llama3_frequency(rope, plain));
    case RopeSpec::Scaling::kFactors:
      return float(plain / rope.factors[i]);
    case RopeSpec::Scaling::kYarn: {
      const double share = yarn_share_interpolated(rope, i);
      return float(plain / rope.factor * share + plain * (1 - share));
    }
  }
  return 0;
}

/// Turns every head of x [heads * head_dim]. The angle is a float32 product, as in the original.
void rotate(const RopeSpec& rope, int64_t head_dim, int64_t position, Vector& x) {
  for (int64_t i = 0; i < rope.dim / 2; ++i) {
    const float angle = float(position) * frequency(rope, i);
    const float cosine = std::cos(angle) * float(rope.attention_factor);
    const float sine = std::sin(angle) * float(rope.attention_factor);
    const bool half = rope.layout == RopeLayout::kHalf;
    for (size_t head = 0; head < x.size(); head += head_dim) {
      float& a = x[head + (half ? i : 2 * i)];
      float& b = x[head + (half ? i + rope.dim / 2 : 2 * i + 1)];
      const float turned = a * cosine - b * sine;
      b = b * cosine + a * sine;
      a = turned;
    }
  }
}

/// The scores of one query head with the keys [tokens so far][kv_heads * head_dim] of its group.
Vector scores_of(std::span<const float> query, const std::vector<Vector>& keys, size_t offset, float scale) {
  Vector scores(keys.size());
  for (size_t t = 0; t < keys.size(); ++t)
    scores[t] = scale * std::inner_product(query.begin(), query.end(), keys[t].begin() + offset, 0.0f);
  return scores;
}

/// softmax(scores) · values
void mix(Vector scores, const std::vector<Vector>& values, size_t offset, std::span<float> out) {
  const float largest = *std::ranges::max_element(scores);
  for (float& score : scores) score = std::exp(score - largest);
  const float sum = std::accumulate(scores.begin(), scores.end(), 0.0f);
  for (size_t t = 0; t < scores.size(); ++t)
    for (size_t i = 0; i < out.size(); ++i) out[i] += scores[t] / sum * values[t][offset + i];
}

/// The scores of all heads of one token's query with the keys so far, each pair rotated by itself.
std::vector<Vector> pair_scores(const DecoderSpec& spec, const PairPositions& pair_positions, const Vector& query,
                                const std::vector<Vector>& keys, float scale) {
  std::vector<Vector> scores(spec.heads, Vector(keys.size(), -INFINITY));
  for (size_t t = 0; t < keys.size(); ++t) {
    const auto pair = pair_positions(int64_t(keys.size()) - 1, int64_t(t));
    if (!pair) continue;
    Vector q = query, k = keys[t];
    rotate(spec.rope, spec.head_dim, pair->first, q);
    rotate(spec.rope, spec.head_dim, pair->second, k);
    for (int64_t head = 0; head < spec.heads; ++head) {
      const auto key = k.begin() + head / (spec.heads / spec.kv_heads) * spec.head_dim;
      scores[head][t] = scale * std::inner_product(key, key + spec.head_dim, q.begin() + head * spec.head_dim, 0.0f);
    }
  }
  return scores;
}

Vector silu_product(Vector gate, const Vector& up) {
  for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
  return gate;
}

void add(std::span<float> x, const Vector& y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

struct Linear {
  Vector weight, bias;
  Linear(const Checkpoint& checkpoint, const std::string& name)
      : weight(load(checkpoint, name + ".weight")), bias(load(checkpoint, name + ".bias")) {}
  Vector operator()(std::span<const float> x) const { return linear(weight, bias, x); }
};

/// x [tokens][hidden_size] -> the same after one layer.
void run_layer(const Checkpoint& checkpoint, const std::string& layer, std::span<const int64_t> positions,
               const PairPositions& pair_positions, std::vector<Vector>& stream) {
  const DecoderSpec& spec = checkpoint.spec();
  const Linear q(checkpoint, layer + "self_attn.q_proj"), k(checkpoint, layer + "self_attn.k_proj");
  const Linear v(checkpoint, layer + "self_attn.v_proj"), o(checkpoint, layer + "self_attn.o_proj");
  const Linear gate(checkpoint, layer + "mlp.gate_proj"), up(checkpoint, layer + "mlp.up_proj");
  const Linear down(checkpoint, layer + "mlp.down_proj");
  const Vector norm1 = load(checkpoint, layer + "input_layernorm.weight");
  const Vector norm2 = load(checkpoint, layer + "post_attention_layernorm.weight");
  const float scale = float(spec.attention_scale != 0 ? spec.attention_scale : 1 / std::sqrt(double(spec.head_dim)));
  std::vector<Vector> keys, values;
  for (size_t t = 0; t < stream.size(); ++t) {
    Vector& x = stream[t];
    const Vector normed = rms_norm(x, norm1, spec.norm_eps);
    Vector query = q(normed), key = k(normed);
    if (!pair_positions) {
      rotate(spec.rope, spec.head_dim, positions[t], query);
      rotate(spec.rope, spec.head_dim, positions[t], key);
    }
    keys.push_back(std::move(key));
    values.push_back(v(normed));
    Vector attended(query.size());
    std::vector<Vector> paired;
    if (pair_positions) paired = pair_scores(spec, pair_positions, query, keys, scale);
    for (int64_t head = 0; head < spec.heads; ++head) {
      const size_t offset = head / (spec.heads / spec.kv_heads) * spec.head_dim;
      const auto dims = size_t(spec.head_dim);
      const std::span<const float> q(query.data() + head * spec.head_dim, dims);
      mix(pair_positions ? paired[head] : scores_of(q, keys, offset, scale), values, offset,
          {attended.data() + head * spec.head_dim, dims});
    }
    add(x, o(attended));
    const Vector normed2 = rms_norm(x, norm2, spec.norm_eps);
    add(x, down(silu_product(gate(normed2), up(normed2))));
  }
}

Vector flat(const std::vector<Vector>& rows) {
  Vector all;
  for (const Vector& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

ReferenceOutput run(const Checkpoint& checkpoint, std::span<const int32_t> tokens, std::span<const int64_t> positions,
                    const PairPositions& pair_positions) {
  const DecoderSpec& spec = checkpoint.spec();
  const Vector embedding = load(checkpoint, "model.embed_tokens.weight");
  std::vector<Vector> stream;
  for (const int32_t token : tokens)
    stream.emplace_back(embedding.begin() + token * spec.hidden_size,
                        embedding.begin() + (token + 1) * spec.hidden_size);

  ReferenceOutput output;
  for (int64_t layer = 0; layer < spec.layers; ++layer) {
    output.hidden.push_back(flat(stream));
    run_layer(checkpoint, "model.layers." + std::to_string(layer) + ".", positions, pair_positions, stream);
  }
  const Vector norm = load(checkpoint, "model.norm.weight");
  for (Vector& x : stream) x = rms_norm(x, norm, spec.norm_eps);
  output.hidden.push_back(flat(stream));
  const Vector head = spec.tied_embeddings ? embedding : load(checkpoint, "lm_head.weight");
  for (Vector& x : stream) x = linear(head, {}, x);
  output.logits = flat(stream);
  return output;
}

}  // namespace

ReferenceOutput run_reference_llama(const Checkpoint& checkpoint, std::span<const int32_t> tokens,
                                    std::span<const int64_t> positions) {
  std::vector<int64_t> counted(tokens.size());
  std::iota(counted.begin(), counted.end(), 0);
  return run(checkpoint, tokens, positions.empty() ? counted : positions, {});
}

ReferenceOutput run_reference_llama(const Checkpoint& checkpoint, std::span<const int32_t> tokens,
                                    const PairPositions& pair_positions) {
  return run(checkpoint, tokens, {}, pair_positions);
}

}  // namespace orrery::text::golden
