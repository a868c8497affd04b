// An adapter in the form that the engine multiplies with.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/text/adapters/adapter.h"
#include "orrery/text/engine/norm.h"
#include "orrery/text/engine/projection.h"

namespace orrery::text {

class Projector;
class WeightLoader;

/// The low-rank parts of all linears that share a product: t = scale ⊙ (A·x) + constant, then out += B·t for each. A
/// bias is a column of B whose t is constant.
struct LowRank {
  struct Piece {
    Projection b;  ///< [outputs, columns]
    int64_t first_column = 0, first_output = 0;
  };
  Projection a;                        ///< [columns, inputs]; no parts: t is constant
  std::vector<float> scale, constant;  ///< [columns]
  std::vector<Piece> pieces;

  int64_t columns() const { return static_cast<int64_t>(scale.size()); }
};

/// The outputs of one linear among those of a product: [first, first + count); where `paired`, every second strip of
/// 16, from strip `first` on.
struct OutputRange {
  int64_t first = 0, count = 0;
  bool paired = false;
};

/// What an adapter changes of one product.
struct SiteChange {
  /// Factors of the input of each linear that the product consists of.
  struct InputScale {
    std::vector<float> factors;
    OutputRange outputs;
  };
  LowRank low_rank;
  std::vector<InputScale> input_scales;  ///< empty: none of the linears has one
  std::optional<Norm> norm;              ///< of the input, in the place of the base's

  bool any() const { return low_rank.columns() > 0 || !input_scales.empty() || norm; }
};

/// Keys and values of a layer's adaption prompt (AdaptionPrompt).
struct PromptKeys {
  int64_t length = 0, head_dim = 0;
  std::vector<float> keys, values;  ///< [kv_heads, length, head_dim]
  std::vector<float> gates;         ///< [heads]

  /// out [head_dim] += weight·gate·softmax(scale·q·keysᵀ)·values, q and out those of query head `head`.
  void attend(int64_t kv_head, int64_t head, const float* q, float scale, float weight, float* out) const;
};

struct PackedAdapter {
  /// Where the base's projections are; nullptr: the engine computes no changes there.
  using Projections = std::function<const Projection*(int64_t layer, Site site)>;
  /// `bound`: what bind() returned. Throws Error naming what the engine cannot change while it runs.
  PackedAdapter(const Adapter& bound, const WeightLoader& base, const Projections& projections, Projector& projector);

  const SiteChange& at(int64_t layer, Site site) const {
    return site == Site::kHead ? sites.back() : sites[layer * 4 + static_cast<int64_t>(site)];
  }
  /// Whether it can be mixed with others, and weighted.
  bool linear() const { return replacing.empty(); }

  uint64_t serial = 0;              ///< no other adapter of this process has it
  std::string replacing;            ///< a norm or input scale that it sets; empty: it only adds
  std::vector<SiteChange> sites;    ///< per layer four; the head's
  std::vector<PromptKeys> prompts;  ///< per layer; length 0: none
  int64_t widest = 0;               ///< columns of the widest low-rank part
  std::vector<Buffer> memory;
};

/// The adapters of a request.
struct AdapterSet {
  struct Use {
    std::shared_ptr<const PackedAdapter> adapter;
    float weight = 1;
  };
  std::vector<Use> uses;
  uint64_t cache_root = 0;  ///< KvCache::find_prefix
};

}  // namespace orrery::text
