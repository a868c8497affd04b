#include "orrery/text/engine/forward.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "orrery/kernels/attention/attention.h"
#include "orrery/kernels/matmul/matmul.h"
#include "orrery/kernels/rms_norm/rms_norm.h"
#include "orrery/kernels/rope/rope.h"

namespace orrery::text {
namespace {

using kernels::kPageTokens;
using kernels::kStripRows;

constexpr int64_t kQueryTile = 128;  // prompt tokens of one attention task, which share the rounding of pages
constexpr int64_t kSplitKeys = 256;  // keys of one task when few tokens look at many keys
constexpr int64_t kFewTokens = 8;    // up to here the keys are split, beyond it the tokens are
constexpr int64_t kLogitRows = 16;   // rows of logits made at once
constexpr int64_t kOwnRows = 2;      // up to here every thread packs all rows for itself
constexpr int64_t kActivationBytes =
    384 << 10;  // of one matmul task, so that they stay in a core's L2 from strip to strip

int64_t align64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// The weights of a projection, as the pool's stretches divide them.
ReadAhead ahead_of(const Projection& projection, int64_t unit = 1) {
  const kernels::PackedMatrix& w = projection.parts.front().matrix;
  return {w.data, w.strips() / unit, w.strip_bytes() * unit};
}
int64_t whole_strips(int64_t rows) { return (rows + kStripRows - 1) / kStripRows * kStripRows; }

}  // namespace

Forward::Forward(const Checkpoint& checkpoint, const Weights& weights, KvCache& cache, ThreadPool& pool,
                 int64_t max_tokens, bool exact)
    : checkpoint_(checkpoint),
      spec_(checkpoint.spec()),
      weights_(weights),
      cache_(cache),
      pool_(pool),
      max_tokens_(max_tokens),
      exact_(exact || !weights.layers.front().qkv.quantized()),  // float weights deserve float attention
      attention_scale_(spec_.attention_scale > 0 ? static_cast<float>(spec_.attention_scale)
                                                 : 1.0f / std::sqrt(static_cast<float>(spec_.head_dim))),
      qkv_stride_((spec_.heads + 2 * spec_.kv_heads) * spec_.head_dim),
      mlp_stride_(std::max(2 * whole_strips(spec_.intermediate_size), spec_.hidden_size)),
      rope_(spec_.rope) {
  const int64_t widest = std::max({spec_.hidden_size, spec_.heads * spec_.head_dim, spec_.intermediate_size});
  int64_t bytes = 0;
  const auto place = [&](int64_t size) { return std::exchange(bytes, bytes + align64(size)); };
  const int64_t hidden = place(max_tokens * spec_.hidden_size * 4);
  const int64_t qkv = place(max_tokens * qkv_stride_ * 4);
  const int64_t attention = place(max_tokens * spec_.heads * spec_.head_dim * 4);
  const int64_t mlp = place(max_tokens * mlp_stride_ * 4);
  const int64_t packed = place(kernels::packed_rows_bytes(max_tokens, widest));
  const int64_t own_packed = place(0), own_bytes = align64(kernels::packed_rows_bytes(kOwnRows, widest));
  const int64_t own_floats = align64(widest * 4), own_all = own_bytes + 2 * own_floats;
  place(pool.threads() * own_all);
  const int64_t logits = place(max_tokens * spec_.vocab_size * 4);  // touched only as far as logits are asked for
  memory_ = Buffer(bytes);
  hidden_ = reinterpret_cast<float*>(memory_.data() + hidden);
  qkv_ = reinterpret_cast<float*>(memory_.data() + qkv);
  attention_ = reinterpret_cast<float*>(memory_.data() + attention);
  mlp_ = reinterpret_cast<float*>(memory_.data() + mlp);
  packed_ = memory_.data() + packed;
  logits_ = reinterpret_cast<float*>(memory_.data() + logits);
  own_rows_.resize(pool.threads());
  for (int thread = 0; thread < pool.threads(); ++thread) {
    std::byte* own = memory_.data() + own_packed + thread * own_all;
    own_rows_[thread].packed = own;
    own_rows_[thread].normed = reinterpret_cast<float*>(own + own_bytes);
    own_rows_[thread].q = reinterpret_cast<float*>(own + own_bytes + own_floats);
  }
  const int64_t group = spec_.heads / spec_.kv_heads;
  thread_parts_.resize(pool.threads() * kQueryTile * group * (spec_.head_dim + 2));
}

std::span<float> Forward::step(std::span<const Segment> segments) {
  lay_out(segments);
  embed_tokens(segments);
  for (int64_t i = 0; i < spec_.layers; ++i) {
    attention_block(weights_.layers[i], i, segments);
    mlp_block(weights_.layers[i], i + 1 < spec_.layers ? weights_.layers[i + 1].qkv : weights_.head);
  }
  return logits();
}

void Forward::lay_out(std::span<const Segment> segments) {
  rows_.clear();
  logit_rows_.clear();
  chunks_.clear();
  page_pointers_.resize(std::max(page_pointers_.size(), segments.size()));
  one_token_each_ = true;
  int64_t parts = 0, furthest = 0;
  part_floats_ = kFewTokens * (spec_.heads / spec_.kv_heads) * (spec_.head_dim + 2);
  for (size_t s = 0; s < segments.size(); ++s) {
    const Segment& segment = segments[s];
    const auto tokens = static_cast<int64_t>(segment.tokens.size());
    const int64_t keys = segment.first_position + tokens;
    furthest = std::max(furthest, keys);
    one_token_each_ &= tokens == 1;
    page_pointers_[s].clear();
    for (PageId page : segment.pages) page_pointers_[s].push_back(cache_.page(page));
    const auto first_row = static_cast<int64_t>(rows_.size());
    for (int64_t t = 0; t < tokens; ++t) {
      if (segment.all_logits || (segment.last_logits && t == tokens - 1))
        logit_rows_.push_back(static_cast<int64_t>(rows_.size()));
      rows_.push_back({static_cast<int32_t>(s), segment.first_position + t});
    }
    for (int64_t head = 0; head < spec_.kv_heads; ++head) {
      const auto chunk = [&](int64_t first_token, int64_t count, int64_t first_key, int64_t last_key, int64_t part) {
        chunks_.push_back({static_cast<int32_t>(s), head, first_row + first_token, count,
                           segment.first_position + first_token, first_key, last_key, part});
      };
      if (tokens <= kFewTokens && keys > kSplitKeys) {
        for (int64_t key = 0; key < keys; key += kSplitKeys)
          chunk(0, tokens, key, std::min(keys, key + kSplitKeys), parts++);
      } else {
        for (int64_t t = 0; t < tokens; t += kQueryTile) {
          const int64_t count = std::min(kQueryTile, tokens - t);
          chunk(t, count, 0, segment.first_position + t + count, -1);
        }
      }
    }
  }
  // The longest tasks first, so that none is left for the end.
  std::stable_sort(chunks_.begin(), chunks_.end(), [](const AttentionChunk& a, const AttentionChunk& b) {
    return a.tokens * (a.last_key - a.first_key) > b.tokens * (b.last_key - b.first_key);
  });
  if (parts_.size() < static_cast<size_t>(parts * part_floats_)) parts_.resize(parts * part_floats_);
  rope_.reserve(furthest);
}

void Forward::embed_tokens(std::span<const Segment> segments) {
  Profile::Timer timer(profile_, Profile::kEmbed);
  const auto rows = static_cast<int64_t>(rows_.size());
  pool_.run((rows + 15) / 16, [&](int64_t chunk, int) {
    for (int64_t row = chunk * 16; row < std::min(rows, chunk * 16 + 16); ++row) {
      const Segment& segment = segments[rows_[row].segment];
      const TokenId token = segment.tokens[rows_[row].position - segment.first_position];
      embed(checkpoint_, token, {hidden_ + row * spec_.hidden_size, static_cast<size_t>(spec_.hidden_size)});
    }
  });
}

// x + W_o·attention(rotate(W_q·n), rotate(W_k·n), W_v·n) with n = norm(x)
void Forward::attention_block(const LayerWeights& weights, int64_t layer, std::span<const Segment> segments) {
  const auto rows = static_cast<int64_t>(rows_.size());
  const int64_t width = spec_.heads * spec_.head_dim;
  project({hidden_, spec_.hidden_size, rows, spec_.hidden_size, weights.attention_norm.data()}, weights.qkv,
          kernels::MatmulOutput::kStore, qkv_, qkv_stride_, Profile::kQkv,
          {page_pointers_[0][0] + cache_.layer_offset(layer), spec_.kv_heads,
           cache_.format().page_bytes() / spec_.kv_heads});
  if (!one_token_each_) rotate_and_store(layer, segments);
  attend(layer, ahead_of(weights.o));
  project({attention_, width, rows, width, nullptr, Profile::kPackAttention}, weights.o, kernels::MatmulOutput::kAdd,
          hidden_, spec_.hidden_size, Profile::kOutput, ahead_of(weights.gate_up, weights.gate_up_fused ? 2 : 1));
}

// x + W_down·(silu(W_gate·n) ⊙ W_up·n) with n = norm(x)
void Forward::mlp_block(const LayerWeights& weights, const Projection& next) {
  const auto rows = static_cast<int64_t>(rows_.size());
  project({hidden_, spec_.hidden_size, rows, spec_.hidden_size, weights.mlp_norm.data()}, weights.gate_up,
          weights.gate_up_fused ? kernels::MatmulOutput::kSwiglu : kernels::MatmulOutput::kStore, mlp_, mlp_stride_,
          Profile::kGateUp, ahead_of(weights.down));
  if (!weights.gate_up_fused) {
    pool_.run(rows, [&](int64_t row, int) {
      float* gate = mlp_ + row * mlp_stride_;
      const float* up = gate + spec_.intermediate_size;
      for (int64_t i = 0; i < spec_.intermediate_size; ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
    });
  }
  project({mlp_, mlp_stride_, rows, spec_.intermediate_size, nullptr, Profile::kPackMlp}, weights.down,
          kernels::MatmulOutput::kAdd, hidden_, spec_.hidden_size, Profile::kDown, ahead_of(next));
}

std::span<float> Forward::logits() {
  const auto count = static_cast<int64_t>(logit_rows_.size());
  for (int64_t first = 0; first < count; first += kLogitRows) {
    const int64_t rows = std::min(kLogitRows, count - first);
    const float* x = hidden_ + logit_rows_[first] * spec_.hidden_size;
    if (logit_rows_[first + rows - 1] - logit_rows_[first] != rows - 1) {
      for (int64_t i = 0; i < rows; ++i) {  // mlp_ is free now, and at least as wide as a row
        std::memcpy(mlp_ + i * spec_.hidden_size, hidden_ + logit_rows_[first + i] * spec_.hidden_size,
                    spec_.hidden_size * 4);
      }
      x = mlp_;
    }
    project({x, spec_.hidden_size, rows, spec_.hidden_size, weights_.final_norm.data()}, weights_.head,
            kernels::MatmulOutput::kStore, logits_ + first * spec_.vocab_size, spec_.vocab_size, Profile::kHead, {});
  }
  return {logits_, static_cast<size_t>(count * spec_.vocab_size)};
}

// `normed` [cols] is scratch.
void Forward::pack_row(const Source& source, int64_t row, float* normed, kernels::PackedRows& out) const {
  const auto cols = static_cast<size_t>(source.cols);
  const float* x = source.x + row * source.stride;
  if (source.norm != nullptr) {
    kernels::rms_norm({x, cols}, {source.norm, cols}, static_cast<float>(spec_.norm_eps), {normed, cols});
    x = normed;
  }
  kernels::pack_row(x, row, out);
}

// Rows in the order the kernels read, once for all threads.
void Forward::pack_rows(const Source& source, bool quantized) {
  Profile::Timer timer(profile_, source.stage);
  packed_rows_ = kernels::place_packed_rows(source.rows, source.cols, quantized, packed_);
  kernels::clear_padding(packed_rows_);
  // A row costs about a microsecond: a group of 16 is worth sharing out.
  const int64_t at_once = source.rows <= 16 ? 2 : 16;
  pool_.run((source.rows + at_once - 1) / at_once, [&](int64_t chunk, int thread) {
    for (int64_t row = chunk * at_once; row < std::min(source.rows, (chunk + 1) * at_once); ++row) {
      pack_row(source, row, own_rows_[thread].normed, packed_rows_);
    }
  });
}

void Forward::project(const Source& source, const Projection& projection, kernels::MatmulOutput mode, float* out,
                      int64_t stride, Profile::Stage stage, const ReadAhead& ahead) {
  const int64_t rows = source.rows;
  if (rows > kOwnRows) pack_rows(source, projection.quantized());
  Profile::Timer timer(profile_, stage);
  if (rows <= 16) {
    project_few(source, projection, mode, out, stride, ahead);
  } else {
    const int64_t unit = mode == kernels::MatmulOutput::kSwiglu ? 2 : 1;
    const int64_t row_bytes = source.cols * (projection.quantized() ? 1 : 4);
    const int64_t row_block = std::max<int64_t>(16, kActivationBytes / row_bytes / 16 * 16);
    const int64_t row_blocks = (rows + row_block - 1) / row_block;
    for (const Projection::Part& part : projection.parts) {
      const kernels::PackedMatrix& w = part.matrix;
      const int64_t strips = std::max(unit, w.strips() / (8 * pool_.threads()) / unit * unit);
      const int64_t strip_blocks = (w.strips() + strips - 1) / strips;
      pool_.run(row_blocks * strip_blocks, [&](int64_t chunk, int) {
        const int64_t first = chunk % strip_blocks * strips, row = chunk / strip_blocks * row_block;
        const kernels::PackedRows x = kernels::rows_of(packed_rows_, row, std::min(rows, row + row_block));
        kernels::matmul(w, x, first, std::min(w.strips(), first + strips), mode, out + row * stride + part.first_output,
                        stride);
      });
    }
  }
  add_bias(projection, rows, out, stride);
}

// At most 16 rows: bound by reading the weights. A thread's strips are neighbours in memory, and all parts are one
// loop.
void Forward::project_few(const Source& source, const Projection& projection, kernels::MatmulOutput mode, float* out,
                          int64_t stride, const ReadAhead& ahead) {
  const int64_t unit = mode == kernels::MatmulOutput::kSwiglu ? 2 : 1;
  int64_t strips = 0;
  for (const Projection::Part& part : projection.parts) strips += part.matrix.strips() / unit;
  const uint64_t number = ++projections_;
  pool_.run_stretches(
      strips,
      [=, this, &projection](int64_t begin, int64_t end, int thread) {
        OwnRows& own = own_rows_[thread];
        if (own.projection != number) {
          own.projection = number;
          own.rows = packed_rows_;
          if (source.rows <= kOwnRows) {
            own.rows = kernels::place_packed_rows(source.rows, source.cols, projection.quantized(), own.packed);
            kernels::clear_padding(own.rows);
            for (int64_t row = 0; row < source.rows; ++row) pack_row(source, row, own.normed, own.rows);
          }
        }
        int64_t first_of_part = 0;
        for (const Projection::Part& part : projection.parts) {
          const int64_t count = part.matrix.strips() / unit, first = std::max(begin - first_of_part, int64_t{0}),
                        last = std::min(end - first_of_part, count);
          if (first < last)
            kernels::matmul(part.matrix, own.rows, first * unit, last * unit, mode, out + part.first_output, stride);
          first_of_part += count;
        }
      },
      ahead);
}

void Forward::add_bias(const Projection& projection, int64_t rows, float* out, int64_t stride) {
  if (projection.bias.empty()) return;
  pool_.run(rows, [&](int64_t row, int) {
    for (size_t i = 0; i < projection.bias.size(); ++i) out[row * stride + i] += projection.bias[i];
  });
}

void Forward::rotate_and_store(int64_t layer, std::span<const Segment> segments) {
  Profile::Timer timer(profile_, Profile::kRope);
  const auto rows = static_cast<int64_t>(rows_.size());
  const int64_t heads = spec_.heads + spec_.kv_heads, dims = spec_.head_dim;
  const int64_t at_once = rows <= 16 ? 2 : 16;
  pool_.run((rows + at_once - 1) / at_once, [&](int64_t chunk, int) {
    for (int64_t row = chunk * at_once; row < std::min(rows, (chunk + 1) * at_once); ++row) {
      const int64_t position = rows_[row].position;
      float* qkv = qkv_ + row * qkv_stride_;
      kernels::rope(qkv, heads, dims, rope_.cos(position), rope_.sin(position));
      const PageId page = segments[rows_[row].segment].pages[position / kPageTokens];
      const float *keys = qkv + spec_.heads * dims, *values = keys + spec_.kv_heads * dims;
      for (int64_t head = 0; head < spec_.kv_heads; ++head) {
        kernels::write_kv(cache_.format(), cache_.page(page) + cache_.layer_offset(layer), head, position % kPageTokens,
                          keys + head * dims, values + head * dims);
      }
    }
  });
}

// With one token per segment, a head's chunk turns the query (in memory of its own, for chunks of one head may share
// it) and, if it ends with the token itself, its key, which it stores: what is written is read by the same core.
kernels::AttentionTask Forward::begin_chunk(const AttentionChunk& chunk, int64_t layer, int thread) {
  const int64_t group = spec_.heads / spec_.kv_heads, dims = spec_.head_dim, position = chunk.first_position;
  float* qkv = qkv_ + chunk.first_row * qkv_stride_;
  const float* q = qkv + chunk.kv_head * group * dims;
  if (one_token_each_) {
    const auto cos = rope_.cos(position), sin = rope_.sin(position);
    float* turned = own_rows_[thread].q;
    std::memcpy(turned, q, group * dims * 4);
    kernels::rope(turned, group, dims, cos, sin);
    q = turned;
    if (chunk.last_key == position + 1) {
      float *key = qkv + (spec_.heads + chunk.kv_head) * dims, *value = key + spec_.kv_heads * dims;
      kernels::rope(key, 1, dims, cos, sin);
      kernels::write_kv(cache_.format(),
                        page_pointers_[chunk.segment][position / kPageTokens] + cache_.layer_offset(layer),
                        chunk.kv_head, position % kPageTokens, key, value);
    }
  }
  return {.format = cache_.format(),
          .pages = page_pointers_[chunk.segment].data(),
          .page_offset = cache_.layer_offset(layer),
          .kv_head = chunk.kv_head,
          .group = group,
          .tokens = chunk.tokens,
          .first_position = position,
          .first_key = chunk.first_key,
          .last_key = chunk.last_key,
          .q = q,
          .q_stride = qkv_stride_,
          .scale = attention_scale_,
          .exact = exact_};
}

void Forward::attend(int64_t layer, const ReadAhead& ahead) {
  Profile::Timer timer(profile_, Profile::kAttention);
  const int64_t group = spec_.heads / spec_.kv_heads, dims = spec_.head_dim, width = spec_.heads * dims;
  const auto part_at = [dims](float* memory, int64_t rows) {
    return kernels::AttentionPart{memory, memory + rows * dims, memory + rows * (dims + 1)};
  };
  const auto attend_chunk = [=, this](int64_t i, int thread) {
    const AttentionChunk& chunk = chunks_[i];
    const kernels::AttentionTask task = begin_chunk(chunk, layer, thread);
    float* memory = chunk.part >= 0 ? parts_.data() + chunk.part * part_floats_
                                    : thread_parts_.data() + thread * kQueryTile * group * (dims + 2);
    const kernels::AttentionPart part = part_at(memory, task.rows());
    kernels::attend(task, part);
    if (chunk.part < 0) kernels::join(task, &part, 1, attention_ + chunk.first_row * width, width);
  };
  const auto count = static_cast<int64_t>(chunks_.size());
  if (one_token_each_) {  // a thread finds in its own cache what it wrote for the token before
    pool_.run_stretches(
        count,
        [attend_chunk](int64_t first, int64_t last, int thread) {
          for (int64_t i = first; i < last; ++i) attend_chunk(i, thread);
        },
        ahead);
  } else {
    pool_.run(count, attend_chunk);
  }
  // Parts of one head of one segment are numbered in the order of their keys.
  thread_local std::vector<kernels::AttentionPart> parts;
  for (const AttentionChunk& chunk : chunks_) {
    if (chunk.part < 0 || chunk.first_key != 0) continue;
    const int64_t count = (chunk.first_position + chunk.tokens + kSplitKeys - 1) / kSplitKeys;
    parts.clear();
    for (int64_t i = 0; i < count; ++i)
      parts.push_back(part_at(parts_.data() + (chunk.part + i) * part_floats_, chunk.tokens * group));
    kernels::join({.format = cache_.format(), .kv_head = chunk.kv_head, .group = group, .tokens = chunk.tokens},
                  parts.data(), count, attention_ + chunk.first_row * width, width);
  }
}

}  // namespace orrery::text
