// Causal attention over a paged cache, in the online-softmax form: linear in memory (Milakov & Gimelshein 2018; Dao et
// al. 2022).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "orrery/kernels/attention/kv_page.h"

namespace orrery::kernels {

/// Keys first … last - 1; none where first >= last.
struct KeyRange {
  int64_t first = 0, last = 0;
  bool empty() const { return first >= last; }
};

/// Queries of one key-value head against a range of keys. A row is a (token, query head) pair: row = token·group +
/// head, and the query heads of kv_head are kv_head·group … + group - 1 (grouped-query attention, Ainslie et al. 2023).
struct AttentionTask {
  KvFormat format;
  const std::byte* const* pages = nullptr;  ///< page p holds keys 64p … 64p + 63; may be null where no row sees any
  int64_t page_offset = 0;                  ///< bytes from the start of a page to the layer's part of it
  int64_t kv_head = 0, group = 1;
  int64_t tokens = 0, first_position = 0;  ///< token t stands at first_position + t
  int64_t first_key = 0, last_key = 0;     ///< the range of keys
  /// Key s takes part for a token at position p when min_distance <= p - s < max_distance: a sliding window of W tokens
  /// has max_distance W (Beltagy et al. 2020, "Longformer"; Jiang et al. 2023, "Mistral 7B", sec. 2). 0 <= min_distance
  /// < max_distance.
  int64_t min_distance = 0, max_distance = INT64_MAX;
  const float* q = nullptr;  ///< head h of the group, token t: q + t·q_stride + h·head_dim
  int64_t q_stride = 0;
  float scale = 1;     ///< scores are scale·q·k
  bool exact = false;  ///< float32 throughout; otherwise int8 products where they are faster

  int64_t rows() const { return tokens * group; }
  /// Keys of the range that take part for token `token`.
  KeyRange keys_of(int64_t token) const {
    const int64_t position = first_position + token;
    return {std::max(first_key, position - max_distance + 1), std::min(last_key, position - min_distance + 1)};
  }
  /// The smallest range that holds those of tokens first … last - 1: nothing outside is read.
  KeyRange keys_of(int64_t first, int64_t last) const {
    const KeyRange oldest = keys_of(first), newest = keys_of(last - 1);
    return oldest.first < newest.last ? KeyRange{oldest.first, newest.last} : KeyRange{};
  }
  const std::byte* page_of(int64_t key) const { return pages[key / kPageTokens] + page_offset; }
};

/// What a range of keys contributes: Σ e^(score - largest)·value, not yet divided by `sum`.
struct AttentionPart {
  float* values = nullptr;   ///< [rows, head_dim]
  float* largest = nullptr;  ///< [rows]; -inf where no key takes part
  float* sum = nullptr;      ///< [rows]; 0 where no key takes part: join() then leaves the part out
};

/// Cost: rows·keys·head_dim·2 products over the pages in which a row sees a key, read once per 4 rows (from L2 after
/// the first). Every head_dim works; what stands beyond a multiple of the vector (16, 8 or 4 floats) goes by fours and
/// ones, and prompts attend in float32 where head_dim is no multiple of 16.
void attend(const AttentionTask& task, const AttentionPart& out);

/// Joins the parts of disjoint ranges, in their order, and writes head h of token t to out + t·out_stride + h·head_dim;
/// zeros where no part has a key.
void join(const AttentionTask& task, const AttentionPart* parts, int64_t count, float* out, int64_t out_stride);

/// In plain loops.
void attend_reference(const AttentionTask& task, const AttentionPart& out);
/// float32, on Highway.
void attend_cpu(const AttentionTask& task, const AttentionPart& out);
#if defined(__x86_64__)
/// int8 products, for pages that are not f32 and head_dim a multiple of 16; needs Isa::kAvx512.
void attend_avx512(const AttentionTask& task, const AttentionPart& out);
#endif

}  // namespace orrery::kernels
