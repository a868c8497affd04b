// Vectors whose memory is used again.
#pragma once

#include <cstddef>
#include <vector>

namespace orrery {

/// To that size, whatever was there is lost: a larger vector's memory is taken when the smaller's is given back, and a
/// sixteenth more, so that sizes which grow a little each time do not leave holes behind.
template <class T>
void fit(std::vector<T>& values, size_t size) {
  if (size > values.capacity()) {
    values = {};
    values.reserve(size + size / 16);
  }
  values.resize(size);
}

}  // namespace orrery
