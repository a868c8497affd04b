#include "orrery/text/engine/transformer/attention_plan.h"

#include <algorithm>
#include <functional>

namespace orrery::text {
namespace {

using kernels::KeyRange;
using kernels::kPageTokens;

constexpr int64_t kSplitKeys = 256;  // keys of one chunk when few tokens look at many keys

int64_t page_start(int64_t key) { return key / kPageTokens * kPageTokens; }

std::vector<KeyRange> split(const KeyRange& keys) {
  std::vector<KeyRange> parts;
  for (int64_t at = page_start(keys.first); at < keys.last; at += kSplitKeys)
    parts.push_back({std::max(at, keys.first), std::min(at + kSplitKeys, keys.last)});
  return parts;
}

}  // namespace

Reach::Reach(const DecoderSpec& spec, int64_t layer) : window(spec.window(layer)) {
  if (window > 0) return;
  streaming = spec.streaming;
  self_extend = spec.self_extend;
  window = self_extend.group > 1 ? self_extend.neighbours : streaming.window;
}

bool Reach::operator==(const Reach& other) const { return window == other.window && far() == other.far(); }

int64_t Reach::far_query_position(int64_t position) const {
  if (self_extend.group > 1) return self_extend.query_position(position);
  return std::min(position, streaming.sinks + streaming.window - 1);
}

KeyRange Reach::near_keys(int64_t position, int64_t tokens) const {
  const int64_t first = window == 0 ? 0 : page_start(std::max<int64_t>(0, position - window + 1));
  return {std::max(first, std::min(streaming.sinks, position + tokens)), position + tokens};
}

KeyRange Reach::far_keys(int64_t position, int64_t tokens) const {
  if (self_extend.group > 1) return {0, std::max<int64_t>(0, position + tokens - self_extend.neighbours)};
  return {0, std::min(streaming.sinks, position + tokens)};
}

void AttentionPlan::lay_out(const Reach& reach, const Batch& batch, int64_t kv_heads) {
  chunks.clear();
  parts = 0;
  for (size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    const auto tokens = static_cast<int64_t>(segment.tokens.size());
    for (int64_t head = 0; head < kv_heads; ++head) {
      const auto chunk_of = [&](int64_t token, int64_t count) {
        const int64_t position = segment.first_position + token;
        return AttentionChunk{.segment = static_cast<int32_t>(s),
                              .kv_head = head,
                              .first_row = batch.first_rows[s] + token,
                              .tokens = count,
                              .first_position = position,
                              .near = reach.near_keys(position, count),
                              .far = reach.far_keys(position, count)};
      };
      AttentionChunk whole = chunk_of(0, tokens);
      if (tokens <= kFewTokens && whole.keys() > kSplitKeys) {
        const std::vector<KeyRange> far = split(whole.far), near = split(whole.near);
        whole.parts = static_cast<int64_t>(far.size() + near.size());
        const auto add = [&](const KeyRange& f, const KeyRange& n) {
          whole.far = f;
          whole.near = n;
          whole.part = parts++;
          chunks.push_back(whole);
          whole.parts = 0;
        };
        for (const KeyRange& keys : far) add(keys, {});
        for (const KeyRange& keys : near) add({}, keys);
      } else {
        for (int64_t t = 0; t < tokens; t += kQueryTile)
          chunks.push_back(chunk_of(t, std::min(kQueryTile, tokens - t)));
      }
    }
  }
  // The longest tasks first, so that none is left for the end.
  std::ranges::stable_sort(chunks, std::greater{}, [](const AttentionChunk& c) { return c.tokens * c.keys(); });
}

}  // namespace orrery::text
