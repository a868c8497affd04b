// How fast a model runs, from its tensors and the machine's rates.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/text/plan/machine.h"
#include "orrery/text/plan/size.h"

namespace orrery::text {

struct Workload {
  int64_t prompt = 512, decode = 128;  ///< tokens of one sequence, each measured by itself as `orrery bench` does
  int64_t depth = 0;                   ///< tokens before them
  DType kv = DType::kF16;
};

struct PredictedRates {
  int64_t bytes_per_token = 0;    ///< of weights, read to decode a token
  double prompt = 0, decode = 0;  ///< tokens per second
};

/// What measure_machine() must measure for predict().
MeasuredShapes shapes_of(const DecoderSpec& spec, const std::vector<PlannedTensor>& tensors);

/// A decoded token reads its weights, loop by loop, and its cache once; a prompt's tokens multiply with every matrix
/// (the head only the last one), attend to what is before them, and are normalised and rounded in between. `machine`
/// was measured for these tensors, or more. Throws Error naming a tensor whose type has no kernel of its own: such
/// weights are taken apart for every product, at a rate that this does not know.
PredictedRates predict(const DecoderSpec& spec, const std::vector<PlannedTensor>& tensors, const MachineRates& machine,
                       const Workload& workload);

}  // namespace orrery::text
