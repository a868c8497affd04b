#include "orrery/kernels/attention/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/kernels/isa.h"

namespace orrery::kernels {

constexpr int64_t kInt8Keys = 128;  // from here on prompts attend in int8

void attend(const AttentionTask& task, const AttentionPart& out) {
  if (isa() == Isa::kReference) return attend_reference(task, out);
#if defined(__x86_64__)
  // Rounding a page has to be shared by some tokens to pay. 8 is an estimate, not measured.
  // A short prompt's attention is a small part of its time, and in float32 its answer starts closer to the exact one's
  // (docs/engine.md).
  const bool pays = task.tokens >= 8 && task.last_key >= kInt8Keys && !task.exact && task.format.dtype != DType::kF32 &&
                    task.format.head_dim % 16 == 0;
  if (pays && isa() == Isa::kAvx512) return attend_avx512(task, out);
#endif
  attend_cpu(task, out);
}

void join(const AttentionTask& task, const AttentionPart* parts, int64_t count, float* out, int64_t out_stride) {
  const int64_t dims = task.format.head_dim;
  for (int64_t row = 0; row < task.rows(); ++row) {
    float largest = -std::numeric_limits<float>::infinity(), sum = 0;
    for (int64_t i = 0; i < count; ++i) largest = std::max(largest, parts[i].largest[row]);
    for (int64_t i = 0; i < count; ++i) {
      if (parts[i].sum[row] > 0) sum += parts[i].sum[row] * std::exp(parts[i].largest[row] - largest);
    }
    float* to = out + row / task.group * out_stride + (task.kv_head * task.group + row % task.group) * dims;
    for (int64_t i = 0; i < count; ++i) {
      const bool seen = parts[i].sum[row] > 0;
      const float weight = seen ? std::exp(parts[i].largest[row] - largest) / sum : 0.0f;
      const float* values = parts[i].values + row * dims;
      for (int64_t d = 0; d < dims; ++d) to[d] = (i == 0 ? 0.0f : to[d]) + (seen ? weight * values[d] : 0.0f);
    }
  }
}

}  // namespace orrery::kernels
