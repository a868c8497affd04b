// How large a model is, from its config alone.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/text/checkpoint.h"
#include "orrery/text/convert/mixture.h"

namespace orrery::text {

/// A tensor that a model of some spec has.
struct PlannedTensor {
  TensorView view;         ///< name (GGUF's where it has one, else the hub's), type, shape; no data
  double read = 1;         ///< share of it that a token uses: less than 1 for the experts of a mixture
  bool head = false;       ///< read for the tokens whose logits are asked for
  bool embedding = false;  ///< a token looks up one row of it

  bool is_matrix() const { return view.shape.size() == 2 && view.rows() > 1; }
};

/// What the family's table gives a model of this spec, with the types of `checkpoint`; float16 where there is none.
std::vector<PlannedTensor> planned_tensors(const DecoderSpec& spec, const Checkpoint* checkpoint = nullptr);
/// The same model as `orrery quantize` makes it of this mixture ("Q4_K_M").
std::vector<PlannedTensor> retyped(std::vector<PlannedTensor> tensors, const DecoderSpec& spec, const Mixture& mixture);

struct ModelSize {
  int64_t parameters = 0;
  int64_t active = 0;  ///< that a token uses: of a mixture's experts only the chosen ones
};
ModelSize size_of(const std::vector<PlannedTensor>& tensors);
int64_t weight_bytes(const std::vector<PlannedTensor>& tensors);

/// Bytes of keys and values that a token adds to the cache; 0 where there is no attention.
int64_t cache_bytes_per_token(const DecoderSpec& spec, DType kv);
/// Bytes that a sequence of `tokens` tokens holds: keys and values, no more than the widest window needs; or a
/// recurrent model's state.
int64_t sequence_bytes(const DecoderSpec& spec, DType kv, int64_t tokens);

}  // namespace orrery::text
