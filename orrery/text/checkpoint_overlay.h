// A checkpoint with other values in its tensors: what training has made of it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "orrery/text/checkpoint.h"

namespace orrery::text {

/// `base` as `spec` describes it (the base's own, or with a head of scores in the place of a language model's), with
/// `values` in the place of its tensors, by canonical names. The values' bytes must outlive the result; the base is
/// kept by it. Throws Error naming a tensor that neither has, and one of another shape.
std::shared_ptr<const Checkpoint> overlay(std::shared_ptr<const Checkpoint> base, const DecoderSpec& spec,
                                          const std::map<std::string, TensorView>& values);

}  // namespace orrery::text
