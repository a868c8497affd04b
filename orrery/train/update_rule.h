// How one tensor learns: the optimizers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "orrery/train/options.h"

namespace orrery::train {

using NamedTensors = std::map<std::string, at::Tensor>;

/// One step of all tensors.
struct UpdateStep {
  double learning_rate;
  double gradient_scale;  ///< gradients are multiplied by it first (clipping)
  int64_t number;         ///< from 1
};

/// One tensor's rule and what it remembers. Results do not depend on the number of threads.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  /// Both contiguous, float32, on the CPU; no gradient where it is the rule's own.
  virtual void update(const UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) = 0;
  /// Whether the rule makes its tensor's gradient itself, as it is used: autograd would need memory for all of it at
  /// once. For tasks whose steps are one micro-batch in one process, with a weight of 1.
  virtual bool has_own_gradient() const { return false; }
  /// Values [first, first + count) of it, flat, valid until the next call. Between a backward pass and the update of
  /// any tensor.
  virtual at::Tensor own_gradient(int64_t, int64_t) { return {}; }
  /// What it remembers, by name: the very tensors, to be stored, or restored by writing into them.
  virtual NamedTensors state() const = 0;
};

/// The rule of options.optim for a tensor of that shape. Its state, in bytes per value:
///   adamw       8     two moments in float32
///   adamw_8bit  2.03  the same in 8 bits with a scale per 256 values (Dettmers et al. 2022); 8 where a tensor has
///   fewer
///                     than 4,096 values, which bitsandbytes too leaves in float32
///   adafactor   0     of a matrix, a value per row and per column; 4 of other tensors
///   lion        4     one moment
/// The paged ones' states are the same and lie in files of options.page_folder (paged.h).
std::unique_ptr<UpdateRule> make_update_rule(const at::Tensor& parameter, const OptimizerOptions& options);

}  // namespace orrery::train
