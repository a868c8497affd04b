#include "orrery/text/engine/batch.h"

namespace orrery::text {

void Batch::assign(std::span<const Segment> all) {
  segments = all;
  first_rows.clear();
  rows.clear();
  logit_rows.clear();
  one_token_each = true;
  for (size_t s = 0; s < segments.size(); ++s) {
    const Segment& segment = segments[s];
    const auto tokens = static_cast<int64_t>(segment.tokens.size());
    one_token_each &= tokens == 1;
    first_rows.push_back(size());
    for (int64_t t = 0; t < tokens; ++t) {
      if (segment.all_logits || (segment.last_logits && t == tokens - 1)) logit_rows.push_back(size());
      rows.push_back({static_cast<int32_t>(s), segment.first_position + t});
    }
  }
}

}  // namespace orrery::text
