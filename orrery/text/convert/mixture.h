// Which type each tensor of a quantised model gets: the mixtures that people know from llama.cpp ("Q4_K_M").
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "orrery/base/tensor_view.h"

namespace orrery::text {

struct Mixture {
  std::string_view name;  ///< "Q4_K_M"
  DType base;             ///< what most matrices get
  int64_t file_type;      ///< general.file_type, llama.cpp's number of it
};

std::span<const Mixture> mixtures();
/// By name, in any case; "Q4_K" and "Q5_K" mean their _M form. Throws Error listing the names.
const Mixture& mixture_named(std::string_view name);

/// What the mixtures look at beside the tensor itself.
struct MixtureModel {
  int64_t layers = 0;
  int64_t queries_per_kv_head = 1;
  bool has_output = false;  ///< output.weight exists; without it token_embd.weight is the output too
  int64_t experts = 0;      ///< per layer; 0: dense
};

struct MixedType {
  DType type;
  bool fallback;  ///< the row's length did not fit the blocks of the type that the mixture wanted
};

/// The type for a tensor under GGUF's names. Vectors, norms, routers and other small things keep their type; a row
/// whose length is no whole number of blocks gets the type of about that size whose blocks fit (q4_k: q5_0, q5_k: q5_1,
/// q6_k: q8_0), else f16. Rules: ggml-org/llama.cpp, llama_tensor_get_type, without importance matrices.
MixedType mixed_type(const Mixture& mixture, const MixtureModel& model, const TensorView& tensor);

}  // namespace orrery::text
