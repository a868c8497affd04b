#include "orrery/text/plan/rates.h"

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/text/engine/layers.h"

namespace orrery::text {
namespace {

using kernels::PackedKind;
using kernels::PackedMatrix;

PackedMatrix packed(const PlannedTensor& tensor) {
  const PackedMatrix matrix{.kind = kernels::packed_kind(tensor.view.dtype, tensor.view.cols()),
                            .rows = tensor.view.rows(),
                            .cols = tensor.view.cols(),
                            .dtype = tensor.view.dtype};
  if (matrix.kind == PackedKind::kRows)
    throw Error({.doing = "predict a model's speed",
                 .where = "tensor " + tensor.view.name,
                 .found = std::string(name(tensor.view.dtype)),
                 .expected = "a type that the engine has kernels for"});
  return matrix;
}

bool is_multiplied(const PlannedTensor& tensor) { return tensor.is_matrix() && (tensor.head || !tensor.embedding); }

// Loops of the pool that read a layer's matrices (docs/engine.md, "A step").
int64_t matrix_loops(const DecoderSpec& spec) {
  switch (spec.mixer) {
    case MixerKind::kAttention:
    case MixerKind::kHyena:
      return spec.parallel_blocks ? 3 : 4;  // in, out, up, down; the first and third together
    default:
      return 6;  // RWKV: what the time mix reads, its small networks, its output, gate, key and value of the channel
                 // mix
  }
}

// Rows of hidden_size that a layer normalises, mixes or rounds before its products: one for each different input of
// those before the mixer, and one for each network that the feed-forward asks.
int64_t rounded_rows(const DecoderSpec& spec) {
  switch (spec.mixer) {
    case MixerKind::kRwkv4:
      return 3 + 2;
    case MixerKind::kRwkv5:
      return 4 + 2;
    case MixerKind::kRwkv7:
      return 6 + 1;
    default:
      return 1 + std::max<int64_t>(1, spec.mixture.active);
  }
}

// Elements of a token's rows that are normalised or rounded before products, in all layers.
double rounded_elements(const DecoderSpec& spec) {
  const int64_t mixed = spec.mixer == MixerKind::kAttention ? spec.heads * spec.head_dim : spec.hidden_size;
  const int64_t inner = spec.intermediate_size * std::max<int64_t>(1, spec.mixture.active);
  return static_cast<double>(spec.layers * (rounded_rows(spec) * spec.hidden_size + mixed + inner));
}

// Multiplications between a token and what is before it, in all layers.
double mixing_products(const DecoderSpec& spec, double keys) {
  const auto layers = static_cast<double>(spec.layers);
  if (spec.mixer != MixerKind::kAttention)  // some four for every number of a state
    return static_cast<double>(state_bytes(spec, 1)) / sizeof(float) * 4;
  const auto window = static_cast<double>(spec.widest_window());
  return layers * 2 * static_cast<double>(spec.heads * spec.head_dim) * (window > 0 ? std::min(keys, window) : keys);
}

}  // namespace

MeasuredShapes shapes_of(const DecoderSpec& spec, const std::vector<PlannedTensor>& tensors) {
  MeasuredShapes shapes{.cols = spec.hidden_size};
  if (spec.mixer == MixerKind::kAttention) shapes.head_dim = spec.head_dim;
  double weights = 0;
  for (const PlannedTensor& tensor : tensors) {
    if (!is_multiplied(tensor)) continue;
    shapes.kinds.insert(packed(tensor).kind);
    if (!tensor.head) weights += tensor.read * static_cast<double>(tensor.view.elements());
  }
  shapes.loop_weights = static_cast<int64_t>(weights) / (spec.layers * matrix_loops(spec));
  return shapes;
}

PredictedRates predict(const DecoderSpec& spec, const std::vector<PlannedTensor>& tensors, const MachineRates& machine,
                       const Workload& workload) {
  constexpr double kQueryTile = 128;  // a prompt's tokens attend together, to all that the last of them sees
  const auto depth = static_cast<double>(workload.depth), decode = static_cast<double>(workload.decode),
             prompt = static_cast<double>(workload.prompt);
  PredictedRates rates;
  double bytes = 0, decode_seconds = 0, prompt_seconds = 0;  // per token
  for (const PlannedTensor& tensor : tensors) {
    if (!is_multiplied(tensor)) continue;
    const PackedMatrix matrix = packed(tensor);
    const MachineRates::Products& products = machine.products.at(matrix.kind);
    const double read = tensor.read * static_cast<double>(matrix.bytes());
    const double seconds = read / (tensor.head ? products.bytes_per_second : products.looped_bytes_per_second);
    bytes += read;
    decode_seconds += seconds;
    prompt_seconds += tensor.head ? seconds / prompt
                                  : tensor.read * static_cast<double>(tensor.view.elements()) / products.per_second;
  }
  rates.bytes_per_token = static_cast<int64_t>(bytes);
  const double rows = rounded_elements(spec) / machine.rows_per_second;

  const double cache = static_cast<double>(cache_bytes_per_token(spec, workload.kv)) * (depth + decode / 2);
  decode_seconds += cache / machine.read_bandwidth;
  decode_seconds += mixing_products(spec, depth + decode / 2) / machine.attention_per_second;
  decode_seconds += rows * machine.threads;  // each thread rounds the row for itself

  prompt_seconds += mixing_products(spec, depth + (prompt + kQueryTile) / 2) / machine.attention_per_second + rows;
  rates.decode = 1 / decode_seconds;
  rates.prompt = 1 / prompt_seconds;
  return rates;
}

}  // namespace orrery::text
