// What each tensor of a GGUF file is made of.
#pragma once

#include <deque>
#include <vector>

#include "orrery/text/checkpoint.h"
#include "orrery/text/convert/mixture.h"
#include "orrery/text/convert/retype.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

/// One tensor of the output and where it comes from.
struct TensorPlan {
  TensorView target;
  std::vector<const TensorView*> sources;  ///< the slices of a stack, or one
  Retyper::RowOrder order;

  int64_t source_bytes() const;
};

/// The plans of all tensors that llama.cpp wants of a model, in the order of its family's table.
class TensorPlans {
 public:
  /// `checkpoint` outlives the plans.
  TensorPlans(const Checkpoint& checkpoint, const Family& family, const Mixture& mixture);

  const std::vector<TensorPlan>& plans() const { return plans_; }

 private:
  const TensorView& made(std::string name, std::vector<float> values);
  const TensorView& adjusted_norm(const TensorView& source, double scale);

  const DecoderSpec& spec_;
  std::vector<TensorPlan> plans_;
  std::deque<std::vector<float>> values_;  // of tensors that no file has
  std::deque<TensorView> views_;
};

}  // namespace orrery::text
