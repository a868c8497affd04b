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

constexpr int64_t kQueryTile =
    64;  // prompt tokens of one attention task: so that turning a page to bfloat16 is shared by many rows
constexpr int64_t kSplitKeys = 256;  // keys of one task when few tokens look at many keys
constexpr int64_t kFewTokens = 8;    // up to here the keys are split, beyond it the tokens are
constexpr int64_t kLogitRows = 16;   // rows of logits made at once
constexpr int64_t kActivationBytes =
    384 << 10;  // of one matmul task, so that they stay in a core's L2 from strip to strip

int64_t align64(int64_t bytes) { return (bytes + 63) / 64 * 64; }
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
      exact_(exact),
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
  const int64_t logits = place(max_tokens * spec_.vocab_size * 4);  // touched only as far as logits are asked for
  memory_ = Buffer(bytes);
  hidden_ = reinterpret_cast<float*>(memory_.data() + hidden);
  qkv_ = reinterpret_cast<float*>(memory_.data() + qkv);
  attention_ = reinterpret_cast<float*>(memory_.data() + attention);
  mlp_ = reinterpret_cast<float*>(memory_.data() + mlp);
  packed_ = memory_.data() + packed;
  logits_ = reinterpret_cast<float*>(memory_.data() + logits);
  const int64_t group = spec_.heads / spec_.kv_heads;
  thread_parts_.resize(pool.threads() * kQueryTile * group * (spec_.head_dim + 2));
}

std::span<float> Forward::step(std::span<const Segment> segments) {
  lay_out(segments);
  embed_tokens(segments);
  for (int64_t i = 0; i < spec_.layers; ++i) {
    attention_block(weights_.layers[i], i, segments);
    mlp_block(weights_.layers[i]);
  }
  return logits();
}

void Forward::lay_out(std::span<const Segment> segments) {
  rows_.clear();
  logit_rows_.clear();
  chunks_.clear();
  page_pointers_.resize(std::max(page_pointers_.size(), segments.size()));
  int64_t parts = 0, furthest = 0;
  part_floats_ = kFewTokens * (spec_.heads / spec_.kv_heads) * (spec_.head_dim + 2);
  for (size_t s = 0; s < segments.size(); ++s) {
    const Segment& segment = segments[s];
    const auto tokens = static_cast<int64_t>(segment.tokens.size());
    const int64_t keys = segment.first_position + tokens;
    furthest = std::max(furthest, keys);
    for (int64_t t = 0; t < tokens; ++t) {
      if (segment.all_logits || (segment.last_logits && t == tokens - 1))
        logit_rows_.push_back(static_cast<int64_t>(rows_.size()));
      rows_.push_back({static_cast<int32_t>(s), segment.first_position + t});
    }
    for (int64_t head = 0; head < spec_.kv_heads; ++head) {
      const auto chunk = [&](int64_t first_token, int64_t count, int64_t first_key, int64_t last_key, int64_t part) {
        chunks_.push_back({static_cast<int32_t>(s), head, first_token, count, first_key, last_key, part});
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
void Forward::attention_block(const LayerWeights& layer, int64_t index, std::span<const Segment> segments) {
  const auto rows = static_cast<int64_t>(rows_.size());
  const int64_t width = spec_.heads * spec_.head_dim;
  pack_rows(hidden_, spec_.hidden_size, rows, spec_.hidden_size, layer.qkv.quantized(), layer.attention_norm.data(),
            Profile::kNorm);
  project(layer.qkv, false, false, qkv_, qkv_stride_, Profile::kQkv);
  rotate_and_store(layer, index, segments);
  attend(index, segments);
  pack_rows(attention_, width, rows, width, layer.o.quantized(), nullptr, Profile::kPackAttention);
  project(layer.o, false, true, hidden_, spec_.hidden_size, Profile::kOutput);
}

// x + W_down·(silu(W_gate·n) ⊙ W_up·n) with n = norm(x)
void Forward::mlp_block(const LayerWeights& layer) {
  const auto rows = static_cast<int64_t>(rows_.size());
  pack_rows(hidden_, spec_.hidden_size, rows, spec_.hidden_size, layer.gate_up.quantized(), layer.mlp_norm.data(),
            Profile::kNorm);
  project(layer.gate_up, layer.gate_up_fused, false, mlp_, mlp_stride_, Profile::kGateUp);
  if (!layer.gate_up_fused) {
    pool_.run(rows, [&](int64_t row, int) {
      float* gate = mlp_ + row * mlp_stride_;
      const float* up = gate + spec_.intermediate_size;
      for (int64_t i = 0; i < spec_.intermediate_size; ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
    });
  }
  pack_rows(mlp_, mlp_stride_, rows, spec_.intermediate_size, layer.down.quantized(), nullptr, Profile::kPackMlp);
  project(layer.down, false, true, hidden_, spec_.hidden_size, Profile::kDown);
}

std::span<float> Forward::logits() {
  const auto count = static_cast<int64_t>(logit_rows_.size());
  for (int64_t first = 0; first < count; first += kLogitRows) {
    const int64_t rows = std::min(kLogitRows, count - first);
    for (int64_t i = 0; i < rows; ++i) {  // mlp_ is free now, and at least as wide as a row
      std::memcpy(mlp_ + i * spec_.hidden_size, hidden_ + logit_rows_[first + i] * spec_.hidden_size,
                  spec_.hidden_size * 4);
    }
    pack_rows(mlp_, spec_.hidden_size, rows, spec_.hidden_size, weights_.head.quantized(), weights_.final_norm.data(),
              Profile::kNorm);
    project(weights_.head, false, false, logits_ + first * spec_.vocab_size, spec_.vocab_size, Profile::kHead);
  }
  return {logits_, static_cast<size_t>(count * spec_.vocab_size)};
}

// Rows, normalised first where a norm's weight is given, in the order the kernels read.
void Forward::pack_rows(const float* x, int64_t stride, int64_t rows, int64_t cols, bool quantized, const float* norm,
                        Profile::Stage stage) {
  Profile::Timer timer(profile_, stage);
  packed_rows_ = kernels::place_packed_rows(rows, cols, quantized, packed_);
  kernels::clear_padding(packed_rows_);
  const auto size = static_cast<size_t>(cols);
  const auto normalise = [&](int64_t row, float* out) {
    kernels::rms_norm({x + row * stride, size}, {norm, size}, static_cast<float>(spec_.norm_eps), {out, size});
  };
  // A row costs about a microsecond: few rows are not worth a loop of the pool, a group of 16 is worth sharing out.
  const int64_t at_once = rows <= 2 ? rows : rows <= 16 ? 2 : 16;
  pool_.run((rows + at_once - 1) / at_once, [&](int64_t chunk, int) {
    thread_local std::vector<float> normed;
    if (norm != nullptr) normed.resize(size);
    for (int64_t row = chunk * at_once; row < std::min(rows, (chunk + 1) * at_once); ++row) {
      if (norm != nullptr) normalise(row, normed.data());
      kernels::pack_row(norm != nullptr ? normed.data() : x + row * stride, row, packed_rows_);
    }
  });
}

void Forward::project(const Projection& projection, bool fused_gate, bool add, float* out, int64_t stride,
                      Profile::Stage stage) {
  Profile::Timer timer(profile_, stage);
  const auto mode = fused_gate ? kernels::MatmulOutput::kSwiglu
                    : add      ? kernels::MatmulOutput::kAdd
                               : kernels::MatmulOutput::kStore;
  const int64_t unit = fused_gate ? 2 : 1, rows = packed_rows_.rows;
  for (const Projection::Part& part : projection.parts) {
    const kernels::PackedMatrix& w = part.matrix;
    const int64_t row_bytes = w.cols * (packed_rows_.quantized ? 1 : 4);
    const int64_t row_block = rows <= 16 ? rows : std::max<int64_t>(16, kActivationBytes / row_bytes / 16 * 16);
    const int64_t row_blocks = (rows + row_block - 1) / row_block;
    const auto multiply = [&](int64_t first_strip, int64_t last_strip, int64_t row) {
      const kernels::PackedRows x = kernels::rows_of(packed_rows_, row, std::min(rows, row + row_block));
      kernels::matmul(w, x, first_strip, last_strip, mode, out + row * stride + part.first_output, stride);
    };
    if (row_blocks == 1) {
      // Pieces of 8 KiB of weights or more; a thread's pieces are neighbours in memory.
      const int64_t least = std::max<int64_t>(1, (8 << 10) / (unit * w.strip_bytes()));
      pool_.run_stretches(w.strips() / unit, least,
                          [&](int64_t first, int64_t last, int) { multiply(first * unit, last * unit, 0); });
      continue;
    }
    const int64_t strips = std::max(unit, w.strips() / (8 * pool_.threads()) / unit * unit);
    const int64_t strip_blocks = (w.strips() + strips - 1) / strips;
    pool_.run(row_blocks * strip_blocks, [&](int64_t chunk, int) {
      const int64_t first = chunk % strip_blocks * strips;
      multiply(first, std::min(w.strips(), first + strips), chunk / strip_blocks * row_block);
    });
  }
  add_bias(projection, out, stride);
}

void Forward::add_bias(const Projection& projection, float* out, int64_t stride) {
  if (projection.bias.empty()) return;
  pool_.run(packed_rows_.rows, [&](int64_t row, int) {
    for (size_t i = 0; i < projection.bias.size(); ++i) out[row * stride + i] += projection.bias[i];
  });
}

void Forward::rotate_and_store(const LayerWeights&, int64_t index, std::span<const Segment> segments) {
  Profile::Timer timer(profile_, Profile::kRope);
  const auto rows = static_cast<int64_t>(rows_.size());
  const int64_t heads = spec_.heads + spec_.kv_heads;
  const int64_t at_once = rows <= 16 ? 2 : 16;
  pool_.run((rows + at_once - 1) / at_once, [&](int64_t chunk, int) {
    for (int64_t row = chunk * at_once; row < std::min(rows, (chunk + 1) * at_once); ++row) {
      const int64_t position = rows_[row].position;
      float* qkv = qkv_ + row * qkv_stride_;
      kernels::rope(qkv, heads, spec_.head_dim, rope_.cos(position), rope_.sin(position));
      const PageId page = segments[rows_[row].segment].pages[position / kPageTokens];
      const float* keys = qkv + spec_.heads * spec_.head_dim;
      kernels::write_kv(cache_.format(), cache_.layer(page, index), position % kPageTokens, keys,
                        keys + spec_.kv_heads * spec_.head_dim);
    }
  });
}

void Forward::attend(int64_t index, std::span<const Segment> segments) {
  Profile::Timer timer(profile_, Profile::kAttention);
  const int64_t group = spec_.heads / spec_.kv_heads, dims = spec_.head_dim, width = spec_.heads * dims;
  std::vector<int64_t> first_rows;
  int64_t first_row = 0;
  for (size_t s = 0; s < segments.size(); ++s) {
    page_pointers_[s].clear();
    for (PageId page : segments[s].pages) page_pointers_[s].push_back(cache_.layer(page, index));
    first_rows.push_back(first_row);
    first_row += static_cast<int64_t>(segments[s].tokens.size());
  }
  const auto task_of = [&](const AttentionChunk& chunk) {
    return kernels::AttentionTask{.format = cache_.format(),
                                  .pages = page_pointers_[chunk.segment].data(),
                                  .kv_head = chunk.kv_head,
                                  .group = group,
                                  .tokens = chunk.tokens,
                                  .first_position = segments[chunk.segment].first_position + chunk.first_token,
                                  .first_key = chunk.first_key,
                                  .last_key = chunk.last_key,
                                  .q = qkv_ + (first_rows[chunk.segment] + chunk.first_token) * qkv_stride_,
                                  .q_stride = qkv_stride_,
                                  .scale = attention_scale_,
                                  .exact = exact_};
  };
  const auto part_at = [&](float* memory, int64_t rows) {
    return kernels::AttentionPart{memory, memory + rows * dims, memory + rows * (dims + 1)};
  };
  const auto out_of = [&](const AttentionChunk& chunk) {
    return attention_ + (first_rows[chunk.segment] + chunk.first_token) * width;
  };
  pool_.run(static_cast<int64_t>(chunks_.size()), [&](int64_t i, int thread) {
    const AttentionChunk& chunk = chunks_[i];
    const kernels::AttentionTask task = task_of(chunk);
    float* memory = chunk.part >= 0 ? parts_.data() + chunk.part * part_floats_
                                    : thread_parts_.data() + thread * kQueryTile * group * (dims + 2);
    const kernels::AttentionPart part = part_at(memory, task.rows());
    kernels::attend(task, part);
    if (chunk.part < 0) kernels::join(task, &part, 1, out_of(chunk), width);
  });
  // Parts of one head of one segment are numbered in the order of their keys.
  thread_local std::vector<kernels::AttentionPart> parts;
  for (const AttentionChunk& chunk : chunks_) {
    if (chunk.part < 0 || chunk.first_key != 0) continue;
    const int64_t keys = segments[chunk.segment].first_position + chunk.tokens,
                  count = (keys + kSplitKeys - 1) / kSplitKeys;
    parts.clear();
    for (int64_t i = 0; i < count; ++i)
      parts.push_back(part_at(parts_.data() + (chunk.part + i) * part_floats_, chunk.tokens * group));
    kernels::join(task_of(chunk), parts.data(), count, out_of(chunk), width);
  }
}

}  // namespace orrery::text
