// Tensors by name.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

#include "orrery/base/tensor_view.h"

namespace orrery::formats {

/// An order of somebody's vector of tensors: four bytes each. Valid while that vector keeps its elements.
class TensorIndex {
 public:
  /// Returns a tensor whose name another one has too, or nullptr when all differ. O(n log n).
  const TensorView* build(const std::vector<TensorView>& tensors) {
    order_.resize(tensors.size());
    std::iota(order_.begin(), order_.end(), 0u);
    std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return tensors[a].name < tensors[b].name; });
    const auto twin = std::adjacent_find(order_.begin(), order_.end(),
                                         [&](uint32_t a, uint32_t b) { return tensors[a].name == tensors[b].name; });
    return twin == order_.end() ? nullptr : &tensors[*twin];
  }

  /// nullptr when absent. O(log n).
  const TensorView* find(const std::vector<TensorView>& tensors, std::string_view name) const {
    const auto found = std::lower_bound(order_.begin(), order_.end(), name,
                                        [&](uint32_t i, std::string_view wanted) { return tensors[i].name < wanted; });
    return found != order_.end() && tensors[*found].name == name ? &tensors[*found] : nullptr;
  }

 private:
  std::vector<uint32_t> order_;
};

}  // namespace orrery::formats
