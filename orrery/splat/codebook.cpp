#include "orrery/splat/codebook.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

namespace orrery::splat {
namespace {

constexpr int kRounds = 8;
constexpr int64_t kBranches = 16;
constexpr size_t kSample = 8192;  // points of a group that its centres are made from

/// Splits groups of points until each has one centre.
class Tree {
 public:
  Tree(std::span<const float> points, int width, Palette& palette)
      : points_(points), width_(static_cast<size_t>(width)), palette_(palette) {}

  void split(std::span<int32_t> group, int64_t count) {
    count = std::min(count, static_cast<int64_t>(group.size()));
    if (count <= 1) return add_centre(group);
    if (count == static_cast<int64_t>(group.size())) {
      for (const int32_t& own : group) add_centre({&own, 1});
      return;
    }
    const std::vector<float> centres = lloyd(group, std::min(count, kBranches));
    std::vector<std::vector<int32_t>> children(centres.size() / width_);
    for (const int32_t point : group) children[nearest_of(centres, point)].push_back(point);
    std::erase_if(children, [](const auto& child) { return child.empty(); });
    if (children.size() == 1) return add_centre(group);  // all points are one
    // One for each child, and the others by their sizes.
    int64_t spare = count - static_cast<int64_t>(children.size()), points = static_cast<int64_t>(group.size());
    for (std::vector<int32_t>& child : children) {
      const auto size = static_cast<int64_t>(child.size());
      const int64_t share = std::min(size - 1, points == 0 ? 0 : spare * size / points);
      points -= size;
      spare -= share;
      split(child, 1 + share);
    }
  }

 private:
  const float* point(int32_t index) const { return points_.data() + static_cast<size_t>(index) * width_; }

  void add_centre(std::span<const int32_t> group) {
    const auto label = static_cast<int32_t>(palette_.centres.size() / width_);
    const std::vector<float> centre = mean(group);
    palette_.centres.insert(palette_.centres.end(), centre.begin(), centre.end());
    for (const int32_t index : group) palette_.labels[static_cast<size_t>(index)] = label;
  }

  std::vector<float> mean(std::span<const int32_t> group) const {
    std::vector<double> sum(width_);
    for (const int32_t index : group)
      for (size_t i = 0; i < width_; ++i) sum[i] += point(index)[i];
    std::vector<float> result(width_);
    for (size_t i = 0; i < width_; ++i) result[i] = static_cast<float>(sum[i] / static_cast<double>(group.size()));
    return result;
  }

  size_t nearest_of(const std::vector<float>& centres, int32_t index) const {
    float best = std::numeric_limits<float>::infinity();
    size_t chosen = 0;
    for (size_t c = 0; c < centres.size() / width_; ++c) {
      float distance = 0;
      for (size_t i = 0; i < width_; ++i) {
        const float away = centres[c * width_ + i] - point(index)[i];
        distance += away * away;
      }
      if (distance < best) {
        best = distance;
        chosen = c;
      }
    }
    return chosen;
  }

  // From points that stand evenly apart in the group; a centre that loses its points stays where it is.
  std::vector<float> lloyd(std::span<const int32_t> group, int64_t count) const {
    std::vector<int32_t> sample;
    const size_t step = std::max<size_t>(1, group.size() / kSample);
    for (size_t i = 0; i < group.size(); i += step) sample.push_back(group[i]);
    std::vector<float> centres;
    for (int64_t c = 0; c < count; ++c) {
      const float* start = point(group[static_cast<size_t>(c) * group.size() / static_cast<size_t>(count)]);
      centres.insert(centres.end(), start, start + width_);
    }
    for (int round = 0; round < kRounds; ++round) {
      std::vector<std::vector<int32_t>> members(static_cast<size_t>(count));
      for (const int32_t index : sample) members[nearest_of(centres, index)].push_back(index);
      for (size_t c = 0; c < members.size(); ++c) {
        if (members[c].empty()) continue;
        std::ranges::copy(mean(members[c]), centres.begin() + static_cast<int64_t>(c * width_));
      }
    }
    return centres;
  }

  std::span<const float> points_;
  size_t width_;
  Palette& palette_;
};

}  // namespace

std::array<float, 256> codebook(std::vector<float> values) {
  std::array<float, 256> book{};
  std::erase_if(values, [](float value) { return !std::isfinite(value); });
  if (values.empty()) return book;
  std::ranges::sort(values);
  std::vector<float> distinct;
  std::ranges::unique_copy(values, std::back_inserter(distinct));
  if (distinct.size() <= book.size()) {  // nothing is lost, and nothing more when a scene is written again
    book.fill(distinct.back());
    std::ranges::copy(distinct, book.begin());
    return book;
  }
  std::vector<double> sums(values.size() + 1);
  std::partial_sum(values.begin(), values.end(), sums.begin() + 1, std::plus<double>());
  const double low = values.front(), high = values.back(), last = static_cast<double>(values.size() - 1);
  for (size_t i = 0; i < book.size(); ++i) {
    const double t = static_cast<double>(i) / 255;
    book[i] = static_cast<float>((values[static_cast<size_t>(t * last)] + low + t * (high - low)) / 2);
  }
  constexpr int kScalarRounds = 50;
  for (int round = 0; round < kScalarRounds; ++round) {
    auto first = values.begin();
    for (size_t i = 0; i < book.size(); ++i) {  // what lies between two midpoints belongs to the entry between them
      const auto end =
          i + 1 == book.size() ? values.end() : std::upper_bound(first, values.end(), (book[i] + book[i + 1]) / 2);
      if (end > first)
        book[i] = static_cast<float>(
            (sums[static_cast<size_t>(end - values.begin())] - sums[static_cast<size_t>(first - values.begin())]) /
            static_cast<double>(end - first));
      first = end;
    }
  }
  std::ranges::sort(book);
  return book;
}

uint8_t nearest(const std::array<float, 256>& codebook, float value) {
  const auto above = std::ranges::lower_bound(codebook, value);
  if (above == codebook.begin()) return 0;
  if (above == codebook.end()) return 255;
  const auto below = above - 1;
  return static_cast<uint8_t>((value - *below <= *above - value ? below : above) - codebook.begin());
}

Palette palette(std::span<const float> points, int width, int64_t count) {
  Palette result;
  result.labels.resize(points.size() / static_cast<size_t>(width));
  std::vector<int32_t> all(result.labels.size());
  std::iota(all.begin(), all.end(), 0);
  Tree(points, width, result).split(all, count);
  return result;
}

}  // namespace orrery::splat
