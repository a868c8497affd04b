#include "orrery/text/sampling/candidates.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace orrery::text {

namespace {

constexpr float kMinusInf = -std::numeric_limits<float>::infinity();

bool likelier(const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; }

// Largest of one block. Sixteen lanes, so that the compiler may use vectors without reordering anything.
float largest(const float* x, size_t n) {
  constexpr size_t kLanes = 16;
  float lane[kLanes];
  std::fill(lane, lane + kLanes, kMinusInf);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (size_t j = 0; j < kLanes; ++j) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
  for (size_t j = 0; i + j < n; ++j) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
  for (size_t half = kLanes / 2; half > 0; half /= 2)
    for (size_t j = 0; j < half; ++j) lane[j] = lane[j + half] > lane[j] ? lane[j + half] : lane[j];
  return lane[0];
}

// 2^x for -126 <= x <= 0 without a branch or a call: round to an integer n by adding 1.5 · 2^23, a polynomial for
// 2^(x-n) on
// [-1/2, 1/2] (Taylor of degree 6, truncated after 1.2e-7), n added to the exponent.
inline float exp2_between(float x) {
  const float rounded = x + 12582912.0f;
  const float f = x - (rounded - 12582912.0f);
  float y = 1.5403530e-4f;
  y = y * f + 1.3333558e-3f;
  y = y * f + 9.6181291e-3f;
  y = y * f + 5.5504109e-2f;
  y = y * f + 2.4022651e-1f;
  y = y * f + 6.9314718e-1f;
  y = y * f + 1.0f;
  const uint32_t exponent = std::bit_cast<uint32_t>(rounded) << 23;  // n stands in the low bits of `rounded`
  return std::bit_cast<float>(std::bit_cast<uint32_t>(y) + exponent);
}

// Calls visit(item) in ascending order of `less` until it returns false. Sorts only ever longer prefixes: 256 items,
// then four times as many.
template <typename Less, typename Visit>
void visit_in_order(std::vector<Candidate>& items, bool sorted, Less less, Visit visit) {
  size_t done = 0, prefix = sorted ? items.size() : 0;
  while (done < items.size()) {
    if (done == prefix) {
      prefix = std::min(items.size(), std::max<size_t>(256, prefix * 4));
      if (prefix < items.size()) std::nth_element(items.begin() + done, items.begin() + prefix, items.end(), less);
      std::sort(items.begin() + done, items.begin() + prefix, less);
    }
    if (!visit(items[done++])) return;
  }
}

}  // namespace

void LogitScan::run(std::span<const float> logits) {
  block_max.resize((logits.size() + kBlock - 1) / kBlock);
  for (size_t b = 0; b < block_max.size(); ++b)
    block_max[b] = largest(logits.data() + b * kBlock, std::min(kBlock, logits.size() - b * kBlock));
  max = largest(block_max.data(), block_max.size());
}

TokenId LogitScan::argmax(std::span<const float> logits) const {
  const size_t block = std::find(block_max.begin(), block_max.end(), max) - block_max.begin();
  return TokenId(std::find(logits.begin() + block * kBlock, logits.end(), max) - logits.begin());
}

double sum_exp(std::span<const float> logits, float max, float scale) {
  const float to_base2 = scale * 1.44269504f;
  constexpr size_t kChunk = 512, kLanes = 8;
  constexpr float kLeast = -126;  // 1e-38: nothing beside the likeliest's 1
  double total = 0;
  float y[kChunk];
  for (size_t begin = 0; begin < logits.size(); begin += kChunk) {
    const float* x = logits.data() + begin;
    const size_t n = std::min(kChunk, logits.size() - begin);
    std::fill(y + n, y + kChunk, kLeast);
    for (size_t i = 0; i < n; ++i) {  // apart from the next loop, or neither is made of vectors
      const float power = (x[i] - max) * to_base2;
      y[i] = power > kLeast ? power : kLeast;
    }
    for (float& value : y) value = exp2_between(value);
    float lane[kLanes] = {};  // of 64 terms each; the chunks are added in double
    for (size_t i = 0; i < kChunk; i += kLanes)
      for (size_t j = 0; j < kLanes; ++j) lane[j] += y[i + j];
    for (float sum : lane) total += sum;
  }
  return total;
}

LogitMoments moments(std::span<const float> logits) {
  double sum = 0, count = 0;
  for (float x : logits) {
    if (!std::isfinite(x)) continue;
    sum += x;
    count += 1;
  }
  const double mean = count > 0 ? sum / count : 0;
  double squares = 0;
  for (float x : logits)
    if (std::isfinite(x)) squares += (x - mean) * (x - mean);
  return {mean, count > 0 ? std::sqrt(squares / count) : 0};
}

void Candidates::take_all(std::span<const float> logits, const LogitScan& scan, float floor) {
  items.clear();
  for (size_t b = 0; b < scan.block_max.size(); ++b) {
    if (!(scan.block_max[b] >= floor)) continue;
    const size_t end = std::min(logits.size(), (b + 1) * LogitScan::kBlock);
    for (size_t i = b * LogitScan::kBlock; i < end; ++i)
      if (logits[i] >= floor && logits[i] > kMinusInf) items.push_back({TokenId(i), logits[i], 0});
  }
  sorted = false;
}

void Candidates::take_top_k(std::span<const float> logits, const LogitScan& scan, size_t k, float floor) {
  // k blocks hold a logit of at least the k-th largest block maximum, so the k-th largest logit is no smaller.
  if (k > 0 && k <= scan.block_max.size()) {
    block_max_scratch_ = scan.block_max;
    const auto kth = block_max_scratch_.begin() + std::ptrdiff_t(k) - 1;
    std::nth_element(block_max_scratch_.begin(), kth, block_max_scratch_.end(), std::greater<>());
    floor = std::max(floor, *kth);
  }
  take_all(logits, scan, floor);
  if (items.size() > k) {
    std::nth_element(items.begin(), items.begin() + std::ptrdiff_t(k), items.end(), likelier);
    items.resize(k);
  }
  std::sort(items.begin(), items.end(), likelier);
  sorted = true;
}

const Candidate& Candidates::likeliest() const {
  return sorted ? items.front() : *std::min_element(items.begin(), items.end(), likelier);
}

void Candidates::softmax() {
  const float max = likeliest().logit;
  double sum = 0;
  for (auto& item : items) sum += item.p = std::exp(item.logit - max);
  const float inverse = float(1 / sum);
  for (auto& item : items) item.p *= inverse;
}

void Candidates::typical(float p, size_t min_keep) {
  if (p >= 1) return;
  softmax();
  // With log p = logit - log_sum and entropy = -E[log p], surprise - entropy = E[logit] - logit.
  double mean = 0;
  for (const auto& item : items) mean += double(item.p) * item.logit;
  const auto distance = [centre = float(mean)](const Candidate& c) { return std::abs(centre - c.logit); };
  // Of equal distance the likelier first.
  const auto closer = [&](const Candidate& a, const Candidate& b) {
    const float da = distance(a), db = distance(b);
    return da != db ? da < db : likelier(a, b);
  };
  double sum = 0;
  size_t kept = 0;
  visit_in_order(items, false, closer, [&](const Candidate& c) {
    sum += c.p;
    ++kept;
    return sum <= p || kept < min_keep;
  });
  items.resize(kept);
  sorted = false;
}

void Candidates::top_p(float p, size_t min_keep) {
  if (p >= 1) return;
  softmax();
  double sum = 0;
  size_t kept = 0;
  visit_in_order(items, sorted, likelier, [&](const Candidate& c) {
    sum += c.p;
    ++kept;
    return sum < p || kept < min_keep;
  });
  items.resize(kept);
  sorted = true;
}

void Candidates::min_p(float p, size_t min_keep) {
  if (p <= 0) return;
  const float bound = likeliest().logit + std::log(p);
  const auto below = [bound](const Candidate& c) { return c.logit < bound; };
  const size_t matching = items.size() - std::count_if(items.begin(), items.end(), below);
  const size_t kept = std::max(matching, std::min(min_keep, items.size()));
  if (sorted) {
    items.resize(kept);
  } else if (kept == matching) {
    items.erase(std::remove_if(items.begin(), items.end(), below), items.end());
  } else {
    std::nth_element(items.begin(), items.begin() + kept, items.end(), likelier);
    items.resize(kept);
  }
}

void Candidates::temperature(float t) {
  for (auto& item : items) item.logit /= t;
}

}  // namespace orrery::text
