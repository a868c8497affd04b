#include "orrery/nn/block_linear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "orrery/kernels/quantize/quantize.h"
#include "orrery/nn/from_view.h"

namespace orrery::nn {
namespace {

TEST(BlockLinear, IsTheProductWithTheDequantisedWeights) {
  at::manual_seed(3);
  for (const int64_t outputs : {40, 2500}) {  // one tile, and several
    const at::Tensor dense = at::randn({outputs, 1024}), x = at::randn({7, 1024}).set_requires_grad(true);
    std::vector<std::byte> bytes(static_cast<size_t>(bytes_of(DType::kQ4_1, dense.numel())));
    kernels::quantize(DType::kQ4_1, {dense.data_ptr<float>(), static_cast<size_t>(dense.numel())}, bytes);
    const TensorView view{.dtype = DType::kQ4_1,
                          .shape = {outputs, 1024},
                          .data = bytes.data(),
                          .bytes = static_cast<int64_t>(bytes.size())};
    const at::Tensor weight = tensor_from_view(view), weights = at::randn({7, outputs});
    const at::Tensor y = block_linear(x, view);
    EXPECT_LT((y - at::linear(x, weight)).abs().max().item<float>(), 1e-3);
    (y * weights).sum().backward();
    EXPECT_LT((x.grad() - at::matmul(weights, weight)).abs().max().item<float>(), 1e-2);
  }
}

}  // namespace
}  // namespace orrery::nn
