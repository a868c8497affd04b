#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "orrery/kernels/attention/attention.h"

namespace orrery::kernels {

void attend_reference(const AttentionTask& task, const AttentionPart& out) {
  const int64_t dims = task.format.head_dim;
  std::vector<float> vector(dims);
  for (int64_t row = 0; row < task.rows(); ++row) {
    const int64_t token = row / task.group;
    const float* q = task.q + token * task.q_stride + row % task.group * dims;
    std::vector<int64_t> keys;
    for (int64_t key = task.first_key; key < task.last_key; ++key) {
      const int64_t distance = task.first_position + token - key;
      if (distance >= task.min_distance && distance < task.max_distance) keys.push_back(key);
    }
    std::vector<double> scores;
    double largest = -std::numeric_limits<double>::infinity();
    for (int64_t key : keys) {
      read_key(task.format, task.page_of(key), task.kv_head, key % kPageTokens, vector.data());
      double score = 0;
      for (int64_t d = 0; d < dims; ++d) score += static_cast<double>(q[d]) * vector[d];
      scores.push_back(score * task.scale);
      largest = std::max(largest, scores.back());
    }
    std::vector<double> values(dims, 0.0);
    double sum = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
      const double weight = std::exp(scores[i] - largest);
      read_value(task.format, task.page_of(keys[i]), task.kv_head, keys[i] % kPageTokens, vector.data());
      for (int64_t d = 0; d < dims; ++d) values[d] += weight * vector[d];
      sum += weight;
    }
    for (int64_t d = 0; d < dims; ++d) out.values[row * dims + d] = static_cast<float>(values[d]);
    out.largest[row] = static_cast<float>(largest);
    out.sum[row] = static_cast<float>(sum);
  }
}

}  // namespace orrery::kernels
