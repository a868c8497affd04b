#include "orrery/text/engine/transformer/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "orrery/kernels/rope/rope.h"

namespace orrery::text {
namespace {

using kernels::kPageTokens;

constexpr int64_t kQueryTile = 128;  // prompt tokens of one task, which share the rounding of pages
constexpr int64_t kSplitKeys = 256;  // keys of one task when few tokens look at many keys
constexpr int64_t kFewTokens = 8;    // up to here the keys are split, beyond it the tokens are

int64_t align16(int64_t floats) { return (floats + 15) / 16 * 16; }

float scale_of(const DecoderSpec& spec) {
  return spec.attention_scale > 0 ? static_cast<float>(spec.attention_scale)
                                  : 1.0f / std::sqrt(static_cast<float>(spec.head_dim));
}

// Rows of [head 0: q, k, v; head 1: q, k, v; …] as [q; k; v].
void separate_heads(std::vector<const std::byte*>& rows, int64_t head_dim) {
  const std::vector<const std::byte*> old = rows;
  const auto heads = static_cast<int64_t>(rows.size()) / (3 * head_dim);
  for (int64_t part = 0; part < 3; ++part) {
    for (int64_t i = 0; i < heads * head_dim; ++i)
      rows[part * heads * head_dim + i] = old[(i / head_dim * 3 + part) * head_dim + i % head_dim];
  }
}

void separate_heads(std::vector<float>& bias, int64_t head_dim) {
  const std::vector<float> old = bias;
  const auto heads = static_cast<int64_t>(bias.size()) / (3 * head_dim);
  for (int64_t part = 0; part < 3; ++part) {
    for (int64_t i = 0; i < heads * head_dim; ++i)
      bias[part * heads * head_dim + i] = old[(i / head_dim * 3 + part) * head_dim + i % head_dim];
  }
}

}  // namespace

Attention::Attention(const DecoderSpec& spec, const LayerRuntime& runtime)
    : spec_(spec),
      runtime_(runtime),
      group_(spec.heads / spec.kv_heads),
      width_(spec.heads * spec.head_dim),
      qkv_stride_((spec.heads + 2 * spec.kv_heads) * spec.head_dim),
      scale_(scale_of(spec)),
      rotary_(spec.rope),
      weights_(spec.layers),
      part_floats_(kFewTokens * group_ * (spec.head_dim + 2)) {
  if (spec.local_rope) local_rotary_.emplace(*spec.local_rope);
  for (int64_t layer = 0; layer < spec.layers; ++layer) {
    const int64_t window = spec.window(layer);
    const auto same = std::ranges::find(reaches_, window, &Reach::window);
    reach_of_layer_.push_back(same - reaches_.begin());
    if (same == reaches_.end()) reaches_.push_back({window, window > 0 && local_rotary_.has_value(), {}});
  }
  const int threads = runtime.pool.threads();
  const int64_t qkv = align16(runtime.max_tokens * qkv_stride_), attention = align16(runtime.max_tokens * width_);
  memory_ = Buffer((qkv + attention + threads * align16(group_ * spec.head_dim)) * sizeof(float));
  qkv_ = memory_.as<float>();
  attention_ = qkv_ + qkv;
  own_q_ = attention_ + attention;
  thread_parts_.resize(threads * kQueryTile * group_ * (spec.head_dim + 2));
}

void Attention::load(WeightLoader& loader, int64_t layer, const std::string& prefix) {
  Weights& weights = weights_[layer];
  const bool interleaved = spec_.rope.layout == RopeLayout::kInterleaved;
  std::vector<RowSource> sources;
  if (spec_.qkv_interleaved) {
    sources.push_back(loader.rows(prefix + "qkv_proj.weight"));
    separate_heads(sources[0].rows, spec_.head_dim);
    if (spec_.qkv_bias) {
      weights.qkv.bias = loader.floats(prefix + "qkv_proj.bias");
      separate_heads(weights.qkv.bias, spec_.head_dim);
    }
  } else {
    for (const char* name : {"q_proj", "k_proj", "v_proj"}) {
      const bool turned = interleaved && *name != 'v';
      sources.push_back(loader.rows(prefix + name + ".weight"));
      if (turned) split_halves(sources.back().rows, spec_.head_dim, spec_.rope.dim);
      if (!spec_.qkv_bias) continue;
      std::vector<float> bias = loader.floats(prefix + name + ".bias");
      if (turned) split_halves(bias, spec_.head_dim, spec_.rope.dim);
      weights.qkv.bias.insert(weights.qkv.bias.end(), bias.begin(), bias.end());
    }
  }
  loader.add(weights.qkv, std::move(sources));
  loader.add(weights.o, prefix + "o_proj");
  if (spec_.qk_norm) {
    weights.q_norm = loader.norm(prefix + "q_norm", *spec_.qk_norm);
    weights.k_norm = loader.norm(prefix + "k_norm", *spec_.qk_norm);
  }
  float_weights_ = !weights_.front().qkv.quantized();
}

void Attention::begin(const Batch& batch) {
  pages_.resize(std::max(pages_.size(), batch.segments.size()));
  for (size_t s = 0; s < batch.segments.size(); ++s) {
    pages_[s].clear();
    for (PageId page : batch.segments[s].pages) pages_[s].push_back(page < 0 ? nullptr : runtime_.cache.page(page));
  }
  for (Reach& reach : reaches_) lay_out(reach, batch);
  positions_.clear();
  for (const Batch::Row& row : batch.rows) positions_.push_back(row.position);
  rotary_.begin(positions_);
  if (local_rotary_) local_rotary_->begin(positions_);
}

void Attention::lay_out(Reach& reach, const Batch& batch) {
  reach.chunks.clear();
  int64_t parts = 0;
  const auto first_key_of = [&](int64_t position) {
    return reach.window == 0 ? 0 : std::max<int64_t>(0, position - reach.window + 1) / kPageTokens * kPageTokens;
  };
  for (size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    const auto tokens = static_cast<int64_t>(segment.tokens.size());
    const int64_t first_key = first_key_of(segment.first_position), last_key = segment.first_position + tokens;
    for (int64_t head = 0; head < spec_.kv_heads; ++head) {
      const auto chunk = [&](int64_t token, int64_t count, int64_t first, int64_t last) -> Chunk& {
        return reach.chunks.emplace_back(Chunk{static_cast<int32_t>(s), head, batch.first_rows[s] + token, count,
                                               segment.first_position + token, first, last, -1, 0});
      };
      if (tokens <= kFewTokens && last_key - first_key > kSplitKeys) {
        const int64_t count = (last_key - first_key + kSplitKeys - 1) / kSplitKeys;
        for (int64_t i = 0; i < count; ++i) {
          const int64_t first = first_key + i * kSplitKeys;
          Chunk& c = chunk(0, tokens, first, std::min(last_key, first + kSplitKeys));
          c.part = parts++;
          c.parts = i == 0 ? count : 0;
        }
      } else {
        for (int64_t t = 0; t < tokens; t += kQueryTile) {
          const int64_t count = std::min(kQueryTile, tokens - t), position = segment.first_position + t;
          chunk(t, count, first_key_of(position), position + count);
        }
      }
    }
  }
  // The longest tasks first, so that none is left for the end.
  std::ranges::stable_sort(reach.chunks, std::greater{},
                           [](const Chunk& c) { return c.tokens * (c.last_key - c.first_key); });
  if (parts_.size() < static_cast<size_t>(parts * part_floats_)) parts_.resize(parts * part_floats_);
}

Product Attention::qkv(int64_t layer, const ProjectionInput& x) { return {x, &weights_[layer].qkv, qkv_, qkv_stride_}; }

Product Attention::output(int64_t layer, int64_t rows, float* out) const {
  return {{attention_, width_, rows, width_}, &weights_[layer].o, out, spec_.hidden_size, kernels::MatmulOutput::kAdd};
}

ReadAhead Attention::cache_ahead(int64_t layer, const Batch& batch) const {
  const PageId page = batch.segments[0].pages.front();
  if (page < 0) return {};
  const KvCache& cache = runtime_.cache;
  return {cache.page(page) + cache.layer_offset(layer), spec_.kv_heads, cache.format().page_bytes() / spec_.kv_heads};
}

std::byte* Attention::page_of(int32_t segment, int64_t position, int64_t layer) const {
  return pages_[segment][position / kPageTokens] + runtime_.cache.layer_offset(layer);
}

// [queries + keys, head_dim] of a row: heads are normalised, then rotated.
void Attention::turn(const Weights& weights, const Rotary& rotary, int64_t row, float* heads, int64_t queries,
                     int64_t keys) const {
  if (weights.q_norm) {
    weights.q_norm->heads(heads, queries);
    weights.k_norm->heads(heads + queries * spec_.head_dim, keys);
  }
  kernels::rope(heads, queries + keys, spec_.head_dim, rotary.cos(row), rotary.sin(row));
}

void Attention::rotate_and_store(int64_t layer, const Batch& batch, const Rotary& rotary) {
  Profile::Timer timer(runtime_.profile, Profile::kRope);
  const int64_t rows = batch.size(), dims = spec_.head_dim;
  const int64_t at_once = rows <= 16 ? 2 : 16;
  runtime_.pool.run((rows + at_once - 1) / at_once, [&](int64_t chunk, int) {
    for (int64_t row = chunk * at_once; row < std::min(rows, (chunk + 1) * at_once); ++row) {
      const auto [segment, position] = batch.rows[row];
      float* qkv = qkv_ + row * qkv_stride_;
      turn(weights_[layer], rotary, row, qkv, spec_.heads, spec_.kv_heads);
      const float *keys = qkv + spec_.heads * dims, *values = keys + spec_.kv_heads * dims;
      for (int64_t head = 0; head < spec_.kv_heads; ++head)
        kernels::write_kv(runtime_.cache.format(), page_of(segment, position, layer), head, position % kPageTokens,
                          keys + head * dims, values + head * dims);
    }
  });
}

// With one token per segment, a head's chunk turns the query (in memory of its own, for chunks of one head may share
// it) and, if it ends with the token itself, its key, which it stores: what is written is read by the same core.
kernels::AttentionTask Attention::begin_chunk(const Chunk& chunk, int64_t layer, const Batch& batch, int thread) {
  const Reach& reach = reaches_[reach_of_layer_[layer]];
  const int64_t dims = spec_.head_dim, position = chunk.first_position;
  float* qkv = qkv_ + chunk.first_row * qkv_stride_;
  const float* q = qkv + chunk.kv_head * group_ * dims;
  if (batch.one_token_each) {
    float* turned = own_q_ + thread * align16(group_ * dims);
    std::memcpy(turned, q, group_ * dims * sizeof(float));
    turn(weights_[layer], rotary_of(reach), chunk.first_row, turned, group_, 0);
    q = turned;
    if (chunk.last_key == position + 1) {
      float *key = qkv + (spec_.heads + chunk.kv_head) * dims, *value = key + spec_.kv_heads * dims;
      turn(weights_[layer], rotary_of(reach), chunk.first_row, key, 0, 1);
      kernels::write_kv(runtime_.cache.format(), page_of(chunk.segment, position, layer), chunk.kv_head,
                        position % kPageTokens, key, value);
    }
  }
  return {.format = runtime_.cache.format(),
          .pages = pages_[chunk.segment].data(),
          .page_offset = runtime_.cache.layer_offset(layer),
          .kv_head = chunk.kv_head,
          .group = group_,
          .tokens = chunk.tokens,
          .first_position = position,
          .first_key = chunk.first_key,
          .last_key = chunk.last_key,
          .max_distance = reach.window > 0 ? reach.window : std::numeric_limits<int64_t>::max(),
          .q = q,
          .q_stride = qkv_stride_,
          .scale = scale_,
          .exact = runtime_.exact || float_weights_};  // float weights deserve float attention
}

void Attention::attend(int64_t layer, const Batch& batch) {
  const Reach& reach = reaches_[reach_of_layer_[layer]];
  if (!batch.one_token_each) rotate_and_store(layer, batch, rotary_of(reach));
  Profile::Timer timer(runtime_.profile, Profile::kAttention);
  const int64_t dims = spec_.head_dim;
  const auto attend_chunk = [&, this](int64_t i, int thread) {
    const Chunk& chunk = reach.chunks[i];
    const kernels::AttentionTask task = begin_chunk(chunk, layer, batch, thread);
    float* memory = chunk.part >= 0 ? parts_.data() + chunk.part * part_floats_
                                    : thread_parts_.data() + thread * kQueryTile * group_ * (dims + 2);
    const kernels::AttentionPart part{memory, memory + task.rows() * dims, memory + task.rows() * (dims + 1)};
    kernels::attend(task, part);
    if (chunk.part < 0) kernels::join(task, &part, 1, attention_ + chunk.first_row * width_, width_);
  };
  const auto count = static_cast<int64_t>(reach.chunks.size());
  if (batch.one_token_each) {  // a thread finds in its own cache what it wrote for the token before
    runtime_.pool.run_stretches(
        count,
        [&](int64_t first, int64_t last, int thread) {
          for (int64_t i = first; i < last; ++i) attend_chunk(i, thread);
        },
        weights_[layer].o.ahead());
  } else {
    runtime_.pool.run(count, attend_chunk);
  }
  join_parts(reach);
  if (runtime_.adaptation.active()) attend_prompts(layer, batch);
}

// Adaption prompts have a softmax of their own, and no positions (Zhang et al. 2023, sec. 3.2).
void Attention::attend_prompts(int64_t layer, const Batch& batch) {
  const Rotary& rotary = rotary_of(reaches_[reach_of_layer_[layer]]);
  const int64_t dims = spec_.head_dim;
  runtime_.pool.run(batch.size(), [&, this](int64_t row, int thread) {
    const AdapterSet* set = runtime_.adaptation.set(row);
    if (set == nullptr) return;
    for (const AdapterSet::Use& use : set->uses) {
      const PromptKeys& prompt = use.adapter->prompts[layer];
      for (int64_t head = 0; prompt.length > 0 && head < spec_.heads; ++head) {
        const float* q = qkv_ + row * qkv_stride_ + head * dims;
        if (batch.one_token_each) {  // these are turned in memory of attention's own
          float* turned = own_q_ + thread * align16(group_ * dims);
          std::copy_n(q, dims, turned);
          turn(weights_[layer], rotary, row, turned, 1, 0);
          q = turned;
        }
        prompt.attend(head / group_, head, q, scale_, use.weight, attention_ + row * width_ + head * dims);
      }
    }
  });
}

// Parts of one head of one segment are numbered in the order of their keys.
void Attention::join_parts(const Reach& reach) {
  thread_local std::vector<kernels::AttentionPart> parts;
  const int64_t dims = spec_.head_dim;
  for (const Chunk& chunk : reach.chunks) {
    if (chunk.parts == 0) continue;
    const int64_t rows = chunk.tokens * group_;
    parts.clear();
    for (int64_t i = 0; i < chunk.parts; ++i) {
      float* memory = parts_.data() + (chunk.part + i) * part_floats_;
      parts.push_back({memory, memory + rows * dims, memory + rows * (dims + 1)});
    }
    kernels::join(
        {.format = runtime_.cache.format(), .kv_head = chunk.kv_head, .group = group_, .tokens = chunk.tokens},
        parts.data(), chunk.parts, attention_ + chunk.first_row * width_, width_);
  }
}

}  // namespace orrery::text
