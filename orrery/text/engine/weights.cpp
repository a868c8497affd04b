#include "orrery/text/engine/weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/kernels/quantize/quantize.h"

namespace orrery::text {
namespace {

using kernels::kStripRows;
using kernels::PackedKind;
using kernels::PackedMatrix;

// Where the rows of a matrix to be packed come from.
struct Source {
  DType dtype = DType::kF32;
  int64_t cols = 0;
  std::vector<const std::byte*> rows;  // nullptr: zeros
  std::vector<const TensorView*> views;
};

struct Plan {
  PackedMatrix* matrix;
  Source source;
  int64_t offset = 0;
};

const TensorView& need(const Checkpoint& checkpoint, const std::string& name) {
  const TensorView* view = checkpoint.tensor(name);
  if (view == nullptr)
    throw Error(
        {.doing = "load a model", .where = checkpoint.path().string() + ", tensor " + name, .found = "nothing"});
  return *view;
}

std::vector<float> floats(const TensorView& view) {
  std::vector<float> values(static_cast<size_t>(view.elements()));
  kernels::dequantize(view.dtype, {view.data, static_cast<size_t>(view.bytes)}, values);
  return values;
}

void append(Source& source, const TensorView& view) {
  source.dtype = view.dtype;
  source.cols = view.cols();
  source.views.push_back(&view);
  const int64_t row_bytes = bytes_of(view.dtype, view.cols());
  for (int64_t row = 0; row < view.rows(); ++row) source.rows.push_back(view.data + row * row_bytes);
}

// Brings the rows of each head from the interleaved rotary layout (2i turns with 2i + 1) to the half-split one (i with
// i + dim/2).
void split_halves(std::span<const std::byte*> rows, int64_t head_dim, int64_t rope_dim) {
  std::vector<const std::byte*> head(static_cast<size_t>(rope_dim));
  for (size_t first = 0; first < rows.size(); first += head_dim) {
    for (int64_t i = 0; i < rope_dim / 2; ++i) {
      head[i] = rows[first + 2 * i];
      head[i + rope_dim / 2] = rows[first + 2 * i + 1];
    }
    std::copy(head.begin(), head.end(), rows.begin() + first);
  }
}

class Loader {
 public:
  Loader(const Checkpoint& checkpoint, bool exact) : checkpoint_(checkpoint), spec_(checkpoint.spec()), exact_(exact) {}

  void plan(Weights& weights) {
    weights.layers.resize(spec_.layers);
    for (int64_t i = 0; i < spec_.layers; ++i) plan_layer(weights.layers[i], fmt::format("model.layers.{}.", i));
    weights.final_norm = floats(need(checkpoint_, "model.norm.weight"));
    const char* head = spec_.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
    Source source;
    append(source, need(checkpoint_, head));
    add(weights.head, {source});
  }

  void pack(Weights& weights, ThreadPool& pool, const std::function<void(int64_t, int64_t)>& progress) {
    weights.memory = Buffer(static_cast<size_t>(total_));
    for (Plan& plan : plans_) {
      std::byte* data = weights.memory.data() + plan.offset;
      plan.matrix->data = data;
      pack_matrix(plan, data, pool);
      for (const TensorView* view : plan.source.views) checkpoint_.release(*view);
      plan.source = {};
      if (progress) progress(plan.offset + plan.matrix->bytes(), total_);
    }
  }

 private:
  void plan_layer(LayerWeights& layer, const std::string& prefix) {
    layer.attention_norm = floats(need(checkpoint_, prefix + "input_layernorm.weight"));
    layer.mlp_norm = floats(need(checkpoint_, prefix + "post_attention_layernorm.weight"));
    std::vector<Source> qkv(3);
    const char* names[] = {"q_proj", "k_proj", "v_proj"};
    for (int i = 0; i < 3; ++i) {
      append(qkv[i], need(checkpoint_, prefix + "self_attn." + names[i] + ".weight"));
      if (i < 2 && spec_.rope.layout == RopeLayout::kInterleaved)
        split_halves(qkv[i].rows, spec_.head_dim, spec_.rope.dim);
    }
    add(layer.qkv, std::move(qkv));
    if (spec_.qkv_bias) {
      for (int i = 0; i < 3; ++i) {
        std::vector<float> bias = floats(need(checkpoint_, prefix + "self_attn." + names[i] + ".bias"));
        if (i < 2 && spec_.rope.layout == RopeLayout::kInterleaved) split_bias(bias);
        layer.qkv.bias.insert(layer.qkv.bias.end(), bias.begin(), bias.end());
      }
    }
    plan_single(layer.o, prefix + "self_attn.o_proj", spec_.o_bias);
    plan_gate_up(layer, prefix + "mlp.");
    plan_single(layer.down, prefix + "mlp.down_proj", spec_.mlp_bias);
  }

  void split_bias(std::vector<float>& bias) const {
    const std::vector<float> old = bias;
    for (size_t first = 0; first < bias.size(); first += spec_.head_dim) {
      for (int64_t i = 0; i < spec_.rope.dim / 2; ++i) {
        bias[first + i] = old[first + 2 * i];
        bias[first + i + spec_.rope.dim / 2] = old[first + 2 * i + 1];
      }
    }
  }

  void plan_single(Projection& projection, const std::string& name, bool has_bias) {
    Source source;
    append(source, need(checkpoint_, name + ".weight"));
    add(projection, {std::move(source)});
    if (has_bias) projection.bias = floats(need(checkpoint_, name + ".bias"));
  }

  void plan_gate_up(LayerWeights& layer, const std::string& prefix) {
    Source gate, up;
    append(gate, need(checkpoint_, prefix + "gate_proj.weight"));
    append(up, need(checkpoint_, prefix + "up_proj.weight"));
    layer.gate_up_fused = kind_of(gate) == kind_of(up) && gate.dtype == up.dtype && !spec_.mlp_bias;
    if (!layer.gate_up_fused) {
      add(layer.gate_up, {std::move(gate), std::move(up)});
      if (!spec_.mlp_bias) return;
      for (const char* name : {"gate_proj.bias", "up_proj.bias"}) {
        const std::vector<float> bias = floats(need(checkpoint_, prefix + name));
        layer.gate_up.bias.insert(layer.gate_up.bias.end(), bias.begin(), bias.end());
      }
      return;
    }
    Source both{.dtype = gate.dtype, .cols = gate.cols, .rows = {}, .views = {gate.views[0], up.views[0]}};
    const auto rows = static_cast<int64_t>(gate.rows.size());
    for (int64_t first = 0; first < rows; first += kStripRows) {
      for (const Source* side : {&gate, &up}) {
        for (int64_t r = first; r < first + kStripRows; ++r) both.rows.push_back(r < rows ? side->rows[r] : nullptr);
      }
    }
    add(layer.gate_up, {std::move(both)});
  }

  PackedKind kind_of(const Source& source) const {
    if (exact_) return PackedKind::kF32;
    return kernels::packed_kind(source.dtype, source.cols);
  }

  // One matrix per run of sources with one type. Float and int8 activations do not mix: then all become float16.
  void add(Projection& projection, std::vector<Source> sources) {
    bool any_float = false, any_int = false;
    for (const Source& source : sources) (kernels::info(kind_of(source)).is_float ? any_float : any_int) = true;
    std::vector<Source> joined;
    for (Source& source : sources) {
      if (!joined.empty() && joined.back().dtype == source.dtype) {
        joined.back().rows.insert(joined.back().rows.end(), source.rows.begin(), source.rows.end());
        joined.back().views.insert(joined.back().views.end(), source.views.begin(), source.views.end());
      } else {
        joined.push_back(std::move(source));
      }
    }
    projection.parts.resize(joined.size());
    for (size_t i = 0; i < joined.size(); ++i) {
      const PackedKind own = kind_of(joined[i]);
      const PackedKind kind = any_float && any_int && !kernels::info(own).is_float ? PackedKind::kF16 : own;
      Projection::Part& part = projection.parts[i];
      part.first_output = projection.outputs;
      part.matrix = {.kind = kind,
                     .rows = static_cast<int64_t>(joined[i].rows.size()),
                     .cols = joined[i].cols,
                     .dtype = joined[i].dtype};
      projection.outputs += part.matrix.rows;
      plans_.push_back({&part.matrix, std::move(joined[i]), total_});
      total_ += part.matrix.bytes();
    }
  }

  static void pack_matrix(const Plan& plan, std::byte* data, ThreadPool& pool) {
    const PackedMatrix& matrix = *plan.matrix;
    const bool as_rows = matrix.kind == PackedKind::kRows;
    const DType wanted = as_rows ? plan.source.dtype : kernels::info(matrix.kind).dtype;
    const int64_t bytes = matrix.strip_bytes(), row_bytes = bytes_of(wanted, matrix.cols);
    constexpr int64_t kStripsAtOnce = 4;
    pool.run((matrix.strips() + kStripsAtOnce - 1) / kStripsAtOnce, [&](int64_t chunk, int) {
      std::vector<float> values;
      std::vector<std::byte> converted;
      for (int64_t strip = chunk * kStripsAtOnce; strip < std::min(matrix.strips(), (chunk + 1) * kStripsAtOnce);
           ++strip) {
        const std::byte* rows[kStripRows] = {};
        for (int64_t r = 0; r < kStripRows && strip * kStripRows + r < matrix.rows; ++r) {
          const std::byte* row = plan.source.rows[strip * kStripRows + r];
          rows[r] = row;
          if (row == nullptr || plan.source.dtype == wanted) continue;
          values.resize(matrix.cols);
          converted.resize(kStripRows * row_bytes);
          kernels::dequantize(plan.source.dtype, {row, static_cast<size_t>(bytes_of(plan.source.dtype, matrix.cols))},
                              values);
          std::byte* to = converted.data() + r * row_bytes;
          kernels::quantize(wanted, values, {to, static_cast<size_t>(row_bytes)});
          rows[r] = to;
        }
        if (as_rows) {
          kernels::pack_rows_as_they_are(rows, row_bytes, data + strip * bytes);
        } else {
          kernels::pack_strip(matrix.kind, rows, matrix.cols, data + strip * bytes);
        }
      }
    });
  }

  const Checkpoint& checkpoint_;
  const DecoderSpec& spec_;
  const bool exact_;
  std::vector<Plan> plans_;
  int64_t total_ = 0;
};

}  // namespace

bool Projection::quantized() const { return !kernels::info(parts.front().matrix.kind).is_float; }

Weights load_weights(const Checkpoint& checkpoint, bool exact, ThreadPool& pool,
                     const std::function<void(int64_t, int64_t)>& progress) {
  Weights weights;
  Loader loader(checkpoint, exact);
  loader.plan(weights);
  loader.pack(weights, pool, progress);
  return weights;
}

void embed(const Checkpoint& checkpoint, TokenId token, std::span<float> out) {
  const TensorView& view = need(checkpoint, "model.embed_tokens.weight");
  const int64_t row_bytes = bytes_of(view.dtype, view.cols());
  kernels::dequantize(view.dtype, {view.data + token * row_bytes, static_cast<size_t>(row_bytes)}, out);
}

}  // namespace orrery::text
