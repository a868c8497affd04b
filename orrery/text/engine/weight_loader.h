// From a checkpoint's tensors to what the kernels read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/base/thread_pool.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/engine/norm.h"
#include "orrery/text/engine/projection.h"

namespace orrery::text {

/// Rows of a matrix to be packed, wherever they lie.
struct RowSource {
  DType dtype = DType::kF32;
  int64_t cols = 0;
  std::vector<const std::byte*> rows;  ///< nullptr: zeros
  std::vector<const TensorView*> views;
};

/// Every part of a model asks for what it needs; then all is packed, in parallel, reading the file once in the order of
/// the asking and giving its pages back. Names are canonical. Throws Error naming a tensor that is not there.
class WeightLoader {
 public:
  struct Options {
    bool exact = false;   ///< everything becomes float32
    bool mapped = false;  ///< matrices whose rows follow each other in the file stay there
  };
  /// `spec`: the checkpoint's, or what the engine's options have made of it; outlives what is loaded.
  WeightLoader(const Checkpoint& checkpoint, const DecoderSpec& spec, const Options& options)
      : checkpoint_(checkpoint), spec_(spec), options_(options) {}

  const DecoderSpec& spec() const { return spec_; }
  bool has(const std::string& name) const { return checkpoint_.tensor(name) != nullptr; }
  const TensorView& tensor(const std::string& name) const;
  std::vector<float> floats(const std::string& name) const;
  RowSource rows(const std::string& name) const;
  /// PREFIX.weight with the spec's offset, and PREFIX.bias where there is one.
  Norm norm(const std::string& prefix, NormKind kind) const;
  Norm norm(const std::string& prefix) const { return norm(prefix, spec().norm); }

  /// `projection` must stay where it is until pack(). One matrix for each run of sources with one type; float and int8
  /// activations do not mix: then all become float16.
  void add(Projection& projection, std::vector<RowSource> sources);
  /// PREFIX.weight and, if there is one, PREFIX.bias.
  void add(Projection& projection, const std::string& prefix);
  /// Gate and up, paired where their types agree, else [gate; up].
  void add_gated(Projection& projection, const std::string& gate_prefix, const std::string& up_prefix);

  /// Packs everything asked for; the projections point into the result. progress(done, total) in bytes of it.
  Buffer pack(ThreadPool& pool, const std::function<void(int64_t, int64_t)>& progress);

 private:
  struct Plan {
    kernels::PackedMatrix* matrix;
    RowSource source;
    int64_t offset = 0;
  };
  kernels::PackedKind kind_of(const RowSource& source) const;
  static void pack_matrix(const Plan& plan, std::byte* data, ThreadPool& pool);

  const Checkpoint& checkpoint_;
  const DecoderSpec& spec_;
  const Options options_;
  std::vector<Plan> plans_;
  int64_t total_ = 0;
};

/// Brings the rows of each head from the interleaved rotary layout (2i turns with 2i + 1) to the half-split one (i with
/// i + dim/2).
void split_halves(std::vector<const std::byte*>& rows, int64_t head_dim, int64_t rope_dim);
void split_halves(std::vector<float>& values, int64_t head_dim, int64_t rope_dim);

/// One row of the token embedding as floats [hidden_size], from the checkpoint.
void embed(const Checkpoint& checkpoint, TokenId token, std::span<float> out);

}  // namespace orrery::text
