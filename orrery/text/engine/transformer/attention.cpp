#include "orrery/text/engine/transformer/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "orrery/kernels/rope/rope.h"

namespace orrery::text {
namespace {

using kernels::kPageTokens;

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
      rotary_(spec.rope, spec.streaming.window > 0),
      weights_(spec.layers),
      own_stride_(align16(group_ * spec.head_dim)),
      part_floats_(kFewTokens * group_ * (spec.head_dim + 2)) {
  if (spec.local_rope) local_rotary_.emplace(*spec.local_rope);
  bool far = false;
  for (int64_t layer = 0; layer < spec.layers; ++layer) {
    const Reach reach(spec, layer);
    const auto same = std::ranges::find(works_, reach, &Work::reach);
    work_of_layer_.push_back(same - works_.begin());
    if (same == works_.end()) works_.push_back({reach, spec.window(layer) > 0 && local_rotary_.has_value(), {}});
    far |= reach.far();
  }
  if (far) far_query_rotary_.emplace(spec.rope);
  if (far && spec.self_extend.group > 1) far_key_rotary_.emplace(spec.rope);
  const int threads = runtime.pool.threads();
  const int64_t qkv = align16(runtime.max_tokens * qkv_stride_), attention = align16(runtime.max_tokens * width_);
  memory_ = Buffer((qkv + attention + threads * own_stride_ + (far ? attention : 0)) * sizeof(float));
  qkv_ = memory_.as<float>();
  attention_ = qkv_ + qkv;
  own_heads_ = attention_ + attention;
  far_q_ = own_heads_ + threads * own_stride_;
  thread_parts_.resize(2 * threads * kQueryTile * group_ * (spec.head_dim + 2));
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
  positions_.clear();
  lengths_.clear();
  for (const Batch::Row& row : batch.rows) {
    positions_.push_back(row.position);
    lengths_.push_back(spec_.streaming.seen(batch.segments[row.segment].length));
  }
  rotary_.begin(positions_, lengths_);
  if (local_rotary_) local_rotary_->begin(positions_, lengths_);
  int64_t parts = 0;
  for (Work& work : works_) {
    work.plan.lay_out(work.reach, batch, spec_.kv_heads);
    parts = std::max(parts, work.plan.parts);
    if (work.reach.far()) begin_far(work.reach);
  }
  if (parts_.size() < static_cast<size_t>(parts * part_floats_)) parts_.resize(parts * part_floats_);
}

void Attention::begin_far(const Reach& reach) {
  far_query_positions_.clear();
  far_key_positions_.clear();
  for (const int64_t position : positions_) {
    far_query_positions_.push_back(reach.far_query_position(position));
    far_key_positions_.push_back(reach.far_key_position(position));
  }
  far_query_rotary_->begin(far_query_positions_, lengths_);
  if (far_key_rotary_) far_key_rotary_->begin(far_key_positions_, lengths_);
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

// [queries + keys, head_dim] of a row: heads are normalised, then rotated.
void Attention::turn(const Weights& weights, const Rotary& rotary, int64_t row, float* heads, int64_t queries,
                     int64_t keys) const {
  if (weights.q_norm) {
    weights.q_norm->heads(heads, queries);
    weights.k_norm->heads(heads + queries * spec_.head_dim, keys);
  }
  kernels::rope(heads, queries + keys, spec_.head_dim, rotary.cos(row), rotary.sin(row));
}

// Turns a key and writes it into the cache with its value: as it stands near by, and as it stands far away.
void Attention::store(int64_t layer, const Batch& batch, int64_t row, int64_t kv_head, float* key, int thread) {
  const auto [segment, position] = batch.rows[row];
  const int64_t dims = spec_.head_dim, slot = position % kPageTokens;
  const float* value = key + spec_.kv_heads * dims;
  std::byte* page = pages_[segment][position / kPageTokens] + runtime_.cache.layer_offset(layer);
  kernels::KvFormat format = runtime_.cache.format();
  if (format.key_copies > 1 && work_of(layer).reach.far()) {
    float* turned = own_heads(thread);
    std::memcpy(turned, key, dims * sizeof(float));
    turn(weights_[layer], *far_key_rotary_, row, turned, 0, 1);
    format.key_copy = 1;
    kernels::write_kv(format, page, kv_head, slot, turned, value);
    format.key_copy = 0;
  }
  turn(weights_[layer], rotary_of(layer), row, key, 0, 1);
  kernels::write_kv(format, page, kv_head, slot, key, value);
}

void Attention::rotate_and_store(int64_t layer, const Batch& batch) {
  Profile::Timer timer(runtime_.profile, Profile::kRope);
  const int64_t rows = batch.size(), dims = spec_.head_dim;
  const int64_t at_once = rows <= 16 ? 2 : 16;
  runtime_.pool.run((rows + at_once - 1) / at_once, [&](int64_t chunk, int thread) {
    for (int64_t row = chunk * at_once; row < std::min(rows, (chunk + 1) * at_once); ++row) {
      float* qkv = qkv_ + row * qkv_stride_;
      if (work_of(layer).reach.far()) {
        std::memcpy(far_q_ + row * width_, qkv, width_ * sizeof(float));
        turn(weights_[layer], *far_query_rotary_, row, far_q_ + row * width_, spec_.heads, 0);
      }
      turn(weights_[layer], rotary_of(layer), row, qkv, spec_.heads, 0);
      for (int64_t head = 0; head < spec_.kv_heads; ++head)
        store(layer, batch, row, head, qkv + (spec_.heads + head) * dims, thread);
    }
  });
}

// With one token per segment, a head's chunk turns the query (in memory of its own, for chunks of one head may share
// it) and, if it ends with the token itself, stores its key: what is written is read by the same core.
const float* Attention::query(const AttentionChunk& chunk, int64_t layer, const Batch& batch, bool far, int thread) {
  const int64_t head = chunk.kv_head * group_ * spec_.head_dim;
  const float* q = qkv_ + chunk.first_row * qkv_stride_ + head;
  if (!batch.one_token_each) return far ? far_q_ + chunk.first_row * width_ + head : q;
  float* turned = own_heads(thread);
  std::memcpy(turned, q, group_ * spec_.head_dim * sizeof(float));
  turn(weights_[layer], far ? *far_query_rotary_ : rotary_of(layer), chunk.first_row, turned, group_, 0);
  return turned;
}

kernels::AttentionTask Attention::task(const AttentionChunk& chunk, int64_t layer) const {
  return {.format = runtime_.cache.format(),
          .pages = pages_[chunk.segment].data(),
          .page_offset = runtime_.cache.layer_offset(layer),
          .kv_head = chunk.kv_head,
          .group = group_,
          .tokens = chunk.tokens,
          .first_position = chunk.first_position,
          .q_stride = qkv_stride_,
          .scale = scale_,
          .exact = runtime_.exact || float_weights_};  // float weights deserve float attention
}

kernels::AttentionTask Attention::near_task(const AttentionChunk& chunk, int64_t layer, const Batch& batch,
                                            int thread) {
  const Reach& reach = work_of(layer).reach;
  kernels::AttentionTask near = task(chunk, layer);
  near.first_key = chunk.near.first;
  near.last_key = chunk.near.last;
  if (reach.window > 0) near.max_distance = reach.window;
  if (batch.one_token_each && near.last_key == chunk.first_position + 1)
    store(layer, batch, chunk.first_row, chunk.kv_head,
          qkv_ + chunk.first_row * qkv_stride_ + (spec_.heads + chunk.kv_head) * spec_.head_dim, thread);
  near.q = query(chunk, layer, batch, false, thread);
  return near;
}

kernels::AttentionTask Attention::far_task(const AttentionChunk& chunk, int64_t layer, const Batch& batch, int thread) {
  const Reach& reach = work_of(layer).reach;
  kernels::AttentionTask far = task(chunk, layer);
  far.first_key = chunk.far.first;
  far.last_key = chunk.far.last;
  far.min_distance = reach.self_extend.neighbours;
  if (far_key_rotary_) far.format.key_copy = 1;
  far.q = query(chunk, layer, batch, true, thread);
  if (!batch.one_token_each) far.q_stride = width_;
  return far;
}

void Attention::attend_chunk(const AttentionChunk& chunk, int64_t layer, const Batch& batch, int thread) {
  const int64_t dims = spec_.head_dim, rows = chunk.tokens * group_;
  float* memory = chunk.part >= 0 ? parts_.data() + chunk.part * part_floats_
                                  : thread_parts_.data() + 2 * thread * kQueryTile * group_ * (dims + 2);
  kernels::AttentionPart parts[2];
  int64_t count = 0;
  const auto next_part = [&]() -> const kernels::AttentionPart& {
    float* at = memory + count * rows * (dims + 2);
    return parts[count++] = {at, at + rows * dims, at + rows * (dims + 1)};
  };
  if (!chunk.far.empty()) kernels::attend(far_task(chunk, layer, batch, thread), next_part());
  if (!chunk.near.empty()) kernels::attend(near_task(chunk, layer, batch, thread), next_part());
  if (chunk.part < 0) kernels::join(task(chunk, layer), parts, count, attention_ + chunk.first_row * width_, width_);
}

void Attention::attend(int64_t layer, const Batch& batch) {
  if (!batch.one_token_each) rotate_and_store(layer, batch);
  Profile::Timer timer(runtime_.profile, Profile::kAttention);
  const AttentionPlan& plan = work_of(layer).plan;
  const auto count = static_cast<int64_t>(plan.chunks.size());
  if (batch.one_token_each) {  // a thread finds in its own cache what it wrote for the token before
    runtime_.pool.run_stretches(
        count,
        [&](int64_t first, int64_t last, int thread) {
          for (int64_t i = first; i < last; ++i) attend_chunk(plan.chunks[i], layer, batch, thread);
        },
        weights_[layer].o.ahead());
  } else {
    runtime_.pool.run(count, [&](int64_t i, int thread) { attend_chunk(plan.chunks[i], layer, batch, thread); });
  }
  join_parts(layer, plan);
  if (runtime_.adaptation.active()) attend_prompts(layer, batch);
}

// Adaption prompts have a softmax of their own, and no positions (Zhang et al. 2023, sec. 3.2).
void Attention::attend_prompts(int64_t layer, const Batch& batch) {
  const Rotary& rotary = rotary_of(layer);
  const int64_t dims = spec_.head_dim;
  runtime_.pool.run(batch.size(), [&, this](int64_t row, int thread) {
    const AdapterSet* set = runtime_.adaptation.set(row);
    if (set == nullptr) return;
    for (const AdapterSet::Use& use : set->uses) {
      const PromptKeys& prompt = use.adapter->prompts[layer];
      for (int64_t head = 0; prompt.length > 0 && head < spec_.heads; ++head) {
        const float* q = qkv_ + row * qkv_stride_ + head * dims;
        if (batch.one_token_each) {  // these are turned in memory of attention's own
          float* turned = own_heads(thread);
          std::copy_n(q, dims, turned);
          turn(weights_[layer], rotary, row, turned, 1, 0);
          q = turned;
        }
        prompt.attend(head / group_, head, q, scale_, use.weight, attention_ + row * width_ + head * dims);
      }
    }
  });
}

void Attention::join_parts(int64_t layer, const AttentionPlan& plan) {
  thread_local std::vector<kernels::AttentionPart> parts;
  const int64_t dims = spec_.head_dim;
  for (const AttentionChunk& chunk : plan.chunks) {
    if (chunk.parts == 0) continue;
    const int64_t rows = chunk.tokens * group_;
    parts.clear();
    for (int64_t i = 0; i < chunk.parts; ++i) {
      float* memory = parts_.data() + (chunk.part + i) * part_floats_;
      parts.push_back({memory, memory + rows * dims, memory + rows * (dims + 1)});
    }
    kernels::join(task(chunk, layer), parts.data(), chunk.parts, attention_ + chunk.first_row * width_, width_);
  }
}

}  // namespace orrery::text
