// Causal attention over a paged cache, in the online-softmax form: linear in memory (Milakov & Gimelshein 2018; Dao et
// al. 2022).
#pragma once

#include <cstddef>
#include <cstdint>

#include "orrery/kernels/attention/kv_page.h"

namespace orrery::kernels {

/// Queries of one key-value head against a range of keys. A row is a (token, query head) pair: row = token·group +
/// head, and the query heads of kv_head are kv_head·group … + group - 1 (grouped-query attention, Ainslie et al. 2023).
struct AttentionTask {
  KvFormat format;
  const std::byte* const* pages = nullptr;  ///< page p holds keys 64p … 64p + 63
  int64_t page_offset = 0;                  ///< bytes from the start of a page to the layer's part of it
  int64_t kv_head = 0, group = 1;
  int64_t tokens = 0, first_position = 0;  ///< token t stands at first_position + t and sees the keys up to itself
  int64_t first_key = 0, last_key = 0;     ///< of the range; first_key a multiple of 64
  const float* q = nullptr;                ///< head h of the group, token t: q + t·q_stride + h·head_dim
  int64_t q_stride = 0;
  float scale = 1;     ///< scores are scale·q·k
  bool exact = false;  ///< float32 throughout; otherwise int8 products where they are faster

  int64_t rows() const { return tokens * group; }
  const std::byte* page_of(int64_t key) const { return pages[key / kPageTokens] + page_offset; }
};

/// What a range of keys contributes: Σ e^(score - largest)·value, not yet divided by `sum`.
struct AttentionPart {
  float* values = nullptr;   ///< [rows, head_dim]
  float* largest = nullptr;  ///< [rows]; -inf where the range has no visible key
  float* sum = nullptr;      ///< [rows]
};

/// Cost: rows·keys·head_dim·2 products, the range's pages read once per 4 rows (from L2 after the first).
void attend(const AttentionTask& task, const AttentionPart& out);

/// Joins the parts of ranges that make up all keys, in their order, and writes head h of token t to out + t·out_stride
/// + h·head_dim.
void join(const AttentionTask& task, const AttentionPart* parts, int64_t count, float* out, int64_t out_stride);

/// In plain loops.
void attend_reference(const AttentionTask& task, const AttentionPart& out);
/// float32, on Highway.
void attend_cpu(const AttentionTask& task, const AttentionPart& out);
#if defined(__x86_64__)
/// int8 products, for f16 and q8_0 pages and head_dim a multiple of 16; needs Isa::kAvx512. The range must be all keys
/// from the first on: `largest` leaves out what all keys of a row have in common.
void attend_avx512(const AttentionTask& task, const AttentionPart& out);
#endif

}  // namespace orrery::kernels
