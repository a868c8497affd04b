// A checkpoint's tensors with adapters folded in.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "orrery/base/thread_pool.h"
#include "orrery/text/adapters/adapter.h"
#include "orrery/text/checkpoint.h"

namespace orrery::text {

struct WeightedAdapter {
  Adapter adapter;
  float weight = 1;
};

/// W·diag(input_scale) + Σ weight·scale·B·A, its rows at DoRA's lengths, biases + Σ weight·scale·bias, and tensors that
/// are replaced, in the types that the base has them in: computed in float32, rounded once. One tensor at a time in
/// memory.
class MergedTensors {
 public:
  /// Both outlive the result; `adapters` are bound to base's spec. Throws Error naming what cannot be merged: tensors
  /// in blocks or of a type that is not f32, f16 or bf16, biases that the base has no tensor for, a head that is the
  /// embedding, adaption prompts, what replaces something with another weight than 1 or twice, and DoRA with
  /// another weight than 1 or beside another adapter's change of the same linear.
  MergedTensors(const Checkpoint& base, std::span<const WeightedAdapter> adapters, int threads);

  /// How many tensors change.
  int64_t count() const { return static_cast<int64_t>(changes_.size()); }
  /// By the file's name.
  bool changes(const std::string& tensor) const { return changes_.contains(tensor); }
  std::vector<std::string> names() const;
  /// The tensor's bytes, merged where it changes; until the next call.
  std::span<const std::byte> bytes(const TensorView& tensor);

 private:
  struct Part {
    const LinearChange* change;
    float factor;
    RopeLayout layout;  // of the adapter's rows
  };
  struct Change {
    const TensorView* base = nullptr;
    bool rotated = false;
    std::vector<Part> low_rank, biases;
    const LinearChange* scaled = nullptr;
    const LinearChange* lengthened = nullptr;  // DoRA's, whose part is low_rank's only one
    const TensorView* replaced = nullptr;
    RopeLayout replaced_layout = RopeLayout::kHalf;
    float replaced_offset = 0;  // of an RMS norm, from the adapter's convention to the base's
  };
  void add(const WeightedAdapter& weighted);
  Change& change_of(const std::string& canonical, const std::string& what, const WeightedAdapter& weighted);
  int64_t row_of(const Change& change, RopeLayout layout, int64_t row) const;

  const Checkpoint& base_;
  ThreadPool pool_;
  std::map<std::string, Change> changes_;
  std::vector<std::byte> result_;
};

}  // namespace orrery::text
