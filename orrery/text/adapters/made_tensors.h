// Tensors that no file holds: an adapter that is new, or one that is about to be written.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "orrery/base/tensor_view.h"

namespace orrery::text {

/// Views and the float32 values that they lie in.
struct MadeTensors {
  std::vector<TensorView> views;
  std::deque<std::vector<float>> values;

  std::vector<float>& add(std::string name, std::vector<int64_t> shape, float value = 0) {
    TensorView& view = views.emplace_back(TensorView{.name = std::move(name), .shape = std::move(shape)});
    std::vector<float>& numbers = values.emplace_back(static_cast<size_t>(view.elements()), value);
    view.data = reinterpret_cast<const std::byte*>(numbers.data());
    view.bytes = view.elements() * static_cast<int64_t>(sizeof(float));
    return numbers;
  }
};

}  // namespace orrery::text
