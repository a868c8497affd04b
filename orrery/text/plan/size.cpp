#include "orrery/text/plan/size.h"

#include <algorithm>
#include <cmath>

#include "orrery/kernels/attention/kv_page.h"
#include "orrery/text/engine/layers.h"
#include "orrery/text/engine/scheduler.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

std::vector<PlannedTensor> planned_tensors(const DecoderSpec& spec, const Checkpoint* checkpoint) {
  std::vector<PlannedTensor> tensors;
  for (const ExpectedTensor& expected : expected_tensors(family_named(spec.family), spec)) {
    PlannedTensor& tensor = tensors.emplace_back();
    tensor.view.name = expected.gguf.empty() ? expected.hub : expected.gguf.substr(0, expected.gguf.find('#'));
    tensor.view.shape = expected.shape;
    tensor.view.dtype = checkpoint != nullptr ? checkpoint->tensor(expected.canonical)->dtype : DType::kF16;
    if (expected.canonical.find(".experts.") != std::string::npos)
      tensor.read = static_cast<double>(spec.mixture.active) / static_cast<double>(spec.mixture.experts);
    tensor.embedding = expected.canonical == "model.embed_tokens.weight";
    tensor.head = expected.canonical == "lm_head.weight" || (tensor.embedding && spec.tied_embeddings);
  }
  return tensors;
}

std::vector<PlannedTensor> retyped(std::vector<PlannedTensor> tensors, const DecoderSpec& spec,
                                   const Mixture& mixture) {
  const MixtureModel model{spec.layers, spec.kv_heads > 0 ? spec.heads / spec.kv_heads : 1, !spec.tied_embeddings,
                           spec.mixture.experts};
  for (PlannedTensor& tensor : tensors) {
    tensor.view.dtype = DType::kF32;
    if (tensor.is_matrix()) tensor.view.dtype = mixed_type(mixture, model, tensor.view).type;
  }
  return tensors;
}

ModelSize size_of(const std::vector<PlannedTensor>& tensors) {
  ModelSize size;
  double active = 0;
  for (const PlannedTensor& tensor : tensors) {
    size.parameters += tensor.view.elements();
    active += tensor.read * static_cast<double>(tensor.view.elements());
  }
  size.active = std::llround(active);
  return size;
}

int64_t weight_bytes(const std::vector<PlannedTensor>& tensors) {
  int64_t sum = 0;
  for (const PlannedTensor& tensor : tensors) sum += bytes_of(tensor.view.dtype, tensor.view.elements());
  return sum;
}

int64_t cache_bytes_per_token(const DecoderSpec& spec, DType kv) {
  if (spec.mixer != MixerKind::kAttention) return 0;
  return spec.layers * kernels::KvFormat{kv, spec.kv_heads, spec.head_dim}.page_bytes() / kernels::kPageTokens;
}

int64_t sequence_bytes(const DecoderSpec& spec, DType kv, int64_t tokens) {
  if (spec.mixer != MixerKind::kAttention) return state_bytes(spec, tokens);
  const int64_t window = spec.widest_window();
  const int64_t held = window == 0 ? tokens : std::min(tokens, ring_tokens(spec, EngineOptions{}.prompt_chunk));
  return held * cache_bytes_per_token(spec, kv);
}

}  // namespace orrery::text
