#include "orrery/text/engine/weight_loader.h"

#include <algorithm>
#include <cstring>

#include "orrery/base/error.h"
#include "orrery/kernels/quantize/quantize.h"

namespace orrery::text {
namespace {

using kernels::kStripRows;
using kernels::PackedKind;
using kernels::PackedMatrix;

template <class T>
void split_heads(std::vector<T>& values, int64_t head_dim, int64_t rope_dim) {
  std::vector<T> head(static_cast<size_t>(rope_dim));
  for (size_t first = 0; first < values.size(); first += head_dim) {
    for (int64_t i = 0; i < rope_dim / 2; ++i) {
      head[i] = values[first + 2 * i];
      head[i + rope_dim / 2] = values[first + 2 * i + 1];
    }
    std::copy(head.begin(), head.end(), values.begin() + first);
  }
}

void append(RowSource& to, const RowSource& from) {
  to.rows.insert(to.rows.end(), from.rows.begin(), from.rows.end());
  to.views.insert(to.views.end(), from.views.begin(), from.views.end());
}

// Strips of gate and up in turn; rows that fill up the last strips are zero.
RowSource pair_strips(const RowSource& gate, const RowSource& up) {
  RowSource both{.dtype = gate.dtype, .cols = gate.cols, .rows = {}, .views = {gate.views[0], up.views[0]}};
  const auto rows = static_cast<int64_t>(gate.rows.size());
  for (int64_t first = 0; first < rows; first += kStripRows) {
    for (const RowSource* side : {&gate, &up}) {
      for (int64_t r = first; r < first + kStripRows; ++r) both.rows.push_back(r < rows ? side->rows[r] : nullptr);
    }
  }
  return both;
}

// Whether the rows lie in the file as the kernels can read them.
bool in_order(const RowSource& source) {
  if (source.rows.size() % kStripRows != 0) return false;
  const int64_t row_bytes = bytes_of(source.dtype, source.cols);
  for (size_t i = 1; i < source.rows.size(); ++i)
    if (source.rows[i] != source.rows[i - 1] + row_bytes) return false;
  return true;
}

// Whether float32 rows hold nothing that bfloat16 would not: a checkpoint trained in bfloat16 and kept in float32, as
// GGUF files keep RWKV's small matrices.
bool is_bfloat16(const RowSource& source) {
  return std::ranges::all_of(source.rows, [&](const std::byte* row) {
    for (int64_t i = 0; row != nullptr && i < source.cols; ++i) {
      uint16_t low;
      std::memcpy(&low, row + i * int64_t{sizeof(float)}, sizeof low);
      if (low != 0) return false;
    }
    return true;
  });
}

}  // namespace

void split_halves(std::vector<const std::byte*>& rows, int64_t head_dim, int64_t rope_dim) {
  split_heads(rows, head_dim, rope_dim);
}

void split_halves(std::vector<float>& values, int64_t head_dim, int64_t rope_dim) {
  split_heads(values, head_dim, rope_dim);
}

int64_t Projection::bytes() const {
  int64_t sum = 0;
  for (const Part& part : parts) sum += part.matrix.bytes();
  return sum;
}

ReadAhead Projection::ahead() const {
  const PackedMatrix& w = parts.front().matrix;
  const int64_t unit = paired ? 2 : 1;
  return {w.data, w.strips() / unit, w.strip_bytes() * unit};
}

const TensorView& WeightLoader::tensor(const std::string& name) const {
  const TensorView* view = checkpoint_.tensor(name);
  if (view == nullptr)
    throw Error(
        {.doing = "load a model", .where = checkpoint_.path().string() + ", tensor " + name, .found = "nothing"});
  return *view;
}

std::vector<float> WeightLoader::floats(const std::string& name) const {
  const TensorView& view = tensor(name);
  std::vector<float> values(static_cast<size_t>(view.elements()));
  kernels::dequantize(view.dtype, {view.data, static_cast<size_t>(view.bytes)}, values);
  return values;
}

RowSource WeightLoader::rows(const std::string& name) const {
  const TensorView& view = tensor(name);
  RowSource source{.dtype = view.dtype, .cols = view.cols(), .rows = {}, .views = {&view}};
  const int64_t row_bytes = bytes_of(view.dtype, view.cols());
  for (int64_t row = 0; row < view.rows(); ++row) source.rows.push_back(view.data + row * row_bytes);
  return source;
}

Norm WeightLoader::norm(const std::string& prefix, NormKind kind) const {
  Norm norm{.kind = kind, .eps = static_cast<float>(spec().norm_eps), .weight = floats(prefix + ".weight"), .bias = {}};
  if (kind == NormKind::kRms)
    for (float& weight : norm.weight) weight += static_cast<float>(spec().norm_offset);
  if (has(prefix + ".bias")) norm.bias = floats(prefix + ".bias");
  return norm;
}

PackedKind WeightLoader::kind_of(const RowSource& source) const {
  if (options_.exact) return PackedKind::kF32;
  if (source.dtype == DType::kF32 && !options_.mapped && is_bfloat16(source)) return PackedKind::kBF16;
  return kernels::packed_kind(source.dtype, source.cols);
}

void WeightLoader::add(Projection& projection, std::vector<RowSource> sources) {
  bool any_float = false, any_int = false;
  for (const RowSource& source : sources) (kernels::info(kind_of(source)).is_float ? any_float : any_int) = true;
  const bool mapped =
      options_.mapped && !options_.exact && !(any_float && any_int) && std::ranges::all_of(sources, in_order);
  std::vector<RowSource> joined;
  for (RowSource& source : sources) {
    if (!mapped && !joined.empty() && joined.back().dtype == source.dtype)
      append(joined.back(), source);
    else
      joined.push_back(std::move(source));
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
                   .dtype = joined[i].dtype,
                   .mapped = mapped};
    projection.outputs += part.matrix.rows;
    if (mapped) {
      part.matrix.data = joined[i].rows.front();
    } else {
      plans_.push_back({&part.matrix, std::move(joined[i]), total_});
      total_ += part.matrix.bytes();
    }
  }
}

void WeightLoader::add(Projection& projection, const std::string& prefix) {
  add(projection, {rows(prefix + ".weight")});
  if (has(prefix + ".bias")) projection.bias = floats(prefix + ".bias");
}

void WeightLoader::add_gated(Projection& projection, const std::string& gate_prefix, const std::string& up_prefix) {
  RowSource gate = rows(gate_prefix + ".weight"), up = rows(up_prefix + ".weight");
  const bool biased = has(gate_prefix + ".bias");
  const bool mapped = options_.mapped && !options_.exact && in_order(gate) && in_order(up);
  projection.paired = gate.dtype == up.dtype && !biased && !mapped;
  if (projection.paired) return add(projection, {pair_strips(gate, up)});
  add(projection, {std::move(gate), std::move(up)});
  if (!biased) return;
  for (const std::string& prefix : {gate_prefix, up_prefix}) {
    const std::vector<float> bias = floats(prefix + ".bias");
    projection.bias.insert(projection.bias.end(), bias.begin(), bias.end());
  }
}

Buffer WeightLoader::pack(ThreadPool& pool, const std::function<void(int64_t, int64_t)>& progress) {
  Buffer memory(static_cast<size_t>(total_));
  for (Plan& plan : plans_) {
    std::byte* data = memory.data() + plan.offset;
    plan.matrix->data = data;
    pack_matrix(plan, data, pool);
    for (const TensorView* view : plan.source.views) checkpoint_.release(*view);
    plan.source = {};
    if (progress) progress(plan.offset + plan.matrix->bytes(), total_);
  }
  plans_.clear();
  return memory;
}

void WeightLoader::pack_matrix(const Plan& plan, std::byte* data, ThreadPool& pool) {
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

void embed(const Checkpoint& checkpoint, TokenId token, std::span<float> out) {
  const TensorView& view = *checkpoint.tensor("model.embed_tokens.weight");
  const int64_t row_bytes = bytes_of(view.dtype, view.cols());
  kernels::dequantize(view.dtype, {view.data + token * row_bytes, static_cast<size_t>(row_bytes)}, out);
}

}  // namespace orrery::text
