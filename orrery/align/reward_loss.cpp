#include "orrery/align/reward_loss.h"

namespace orrery::align {

at::Tensor reward_losses(const at::Tensor& chosen, const at::Tensor& rejected, const at::Tensor& margin,
                         double center) {
  at::Tensor difference = chosen - rejected;
  if (margin.defined()) difference = difference - margin;
  const at::Tensor losses = -at::log_sigmoid(difference);
  return center == 0 ? losses : losses + center * (chosen + rejected).square();
}

}  // namespace orrery::align
