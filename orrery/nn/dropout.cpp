#include "orrery/nn/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "orrery/base/random.h"

namespace orrery::nn {

at::Tensor Dropout::operator()(const at::Tensor& x, const std::string& place) const {
  if (!on()) return x;
  const at::Tensor kept = at::empty(x.sizes(), at::kBool);
  bool* values = kept.data_ptr<bool>();
  const int64_t size = x.numel();
  const auto least = static_cast<uint32_t>(std::min(std::ceil(p * 0x1p32), 0x1p32 - 1));  // that keeps its value
  const RandomStream stream(seed, "dropout of " + pass + " in " + place);
  at::parallel_for(0, (size + 1) / 2, 1 << 14, [&](int64_t begin, int64_t end) {
    RandomStream own = stream;
    own.seek(static_cast<uint64_t>(begin));
    for (int64_t i = 2 * begin; i < 2 * end; i += 2) {  // a draw is two
      const uint64_t draw = own();
      values[i] = static_cast<uint32_t>(draw) >= least;
      if (i + 1 < size) values[i + 1] = static_cast<uint32_t>(draw >> 32) >= least;
    }
  });
  return x * kept * (1 / (1 - p));
}

}  // namespace orrery::nn
