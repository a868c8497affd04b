#include "orrery/align/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "orrery/base/random.h"

namespace orrery::align {

namespace {

std::vector<size_t> order_of(const BatchOptions& options, int64_t epoch, size_t size) {
  if (options.shuffle) return RandomStream(options.seed, fmt::format("order of epoch {}", epoch)).permutation(size);
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), size_t{0});
  return order;
}

}  // namespace

std::vector<std::vector<size_t>> cut(std::span<const size_t> records, int64_t most,
                                     const std::function<int64_t(size_t)>& tokens_of) {
  std::vector<std::vector<size_t>> parts;
  int64_t tokens = 0;
  for (const size_t record : records) {
    const int64_t size = tokens_of(record);
    if (parts.empty() || tokens + size > most) {
      parts.emplace_back();
      tokens = 0;
    }
    parts.back().push_back(record);
    tokens += size;
  }
  return parts;
}

int64_t Batches::steps_per_epoch() const {
  return (static_cast<int64_t>(records_) + options_.batch_size() - 1) / options_.batch_size();
}

std::vector<size_t> Batches::records_of(int64_t step) const {
  const std::vector<size_t> order = order_of(options_, step / steps_per_epoch(), records_);
  const auto first = static_cast<size_t>(step % steps_per_epoch() * options_.batch_size());
  const size_t last = std::min(order.size(), first + static_cast<size_t>(options_.batch_size()));
  return {order.begin() + static_cast<std::ptrdiff_t>(first), order.begin() + static_cast<std::ptrdiff_t>(last)};
}

std::vector<std::vector<size_t>> Batches::micro_batches(int64_t step,
                                                        const std::function<int64_t(size_t)>& tokens_of) const {
  return cut(records_of(step), options_.micro_batch_tokens, tokens_of);
}

}  // namespace orrery::align
