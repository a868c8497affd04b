#include "orrery/text/engine/adapters/packed_adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <set>

#include "orrery/base/error.h"
#include "orrery/text/adapters/readers.h"
#include "orrery/text/engine/projector.h"
#include "orrery/text/engine/weight_loader.h"

namespace orrery::text {

namespace {

using kernels::kStripRows;

/// Rows of `cols` floats, nullptr being zeros, as a matrix of the kernels.
Projection pack_floats(std::span<const float* const> rows, int64_t cols, std::vector<Buffer>& memory) {
  kernels::PackedMatrix matrix{
      .kind = kernels::PackedKind::kF32, .rows = static_cast<int64_t>(rows.size()), .cols = cols};
  std::byte* data = memory.emplace_back(static_cast<size_t>(matrix.bytes())).data();
  for (int64_t strip = 0; strip < matrix.strips(); ++strip) {
    const std::byte* pointers[kStripRows] = {};
    for (int64_t r = 0; r < kStripRows && strip * kStripRows + r < matrix.rows; ++r)
      pointers[r] = reinterpret_cast<const std::byte*>(rows[strip * kStripRows + r]);
    kernels::pack_strip(matrix.kind, pointers, cols, data + strip * matrix.strip_bytes());
  }
  matrix.data = data;
  Projection projection;
  projection.outputs = matrix.rows;
  projection.parts.push_back({matrix, 0});
  return projection;
}

/// A linear of a product.
struct SiteLinear {
  std::string name;
  OutputRange outputs;
  bool rotated = false;
};

/// What one linear adds: y += Σ over columns of b[:, c]·t[c], t = scale[c]·(a[c, :]·x) + constant[c].
struct Columns {
  std::vector<float> a;  // [rank, inputs]
  int64_t rank = 0;
  std::vector<float> scale, constant;  // [columns], the first `rank` of them a's
  std::vector<float> b;                // [outputs, columns]

  int64_t count() const { return static_cast<int64_t>(scale.size()); }
};

class Packer {
 public:
  Packer(PackedAdapter& out, const Adapter& adapter, const WeightLoader& base,
         const PackedAdapter::Projections& projections, Projector& projector)
      : out_(out),
        adapter_(adapter),
        base_(base),
        spec_(base.spec()),
        projections_(projections),
        projector_(projector) {
    for (const LinearChange& change : adapter.linears) changes_[change.module] = &change;
    for (const TensorView& tensor : adapter.replaced) replaced_[tensor.name] = &tensor;
  }

  void run() {
    for (const LinearChange& change : adapter_.linears)
      if (change.magnitude.data != nullptr) throw refuse_dora(change.module);
    out_.prompts.resize(static_cast<size_t>(spec_.layers));
    for (int64_t layer = 0; layer < spec_.layers; ++layer)
      for (Site site : {Site::kQkv, Site::kOutput, Site::kGateUp, Site::kDown}) add_site(layer, site);
    add_site(0, Site::kHead);
    for (const auto& [name, change] : changes_)
      if (!used_.contains(name)) throw refuse(name);
    for (const auto& [name, tensor] : replaced_)
      if (!used_.contains(name)) throw refuse(name);
    projector_.widen(out_.widest);
    for (const AdaptionPrompt& prompt : adapter_.prompts) add_prompt(prompt);
  }

 private:
  Error refuse(const std::string& name) const {
    return Error({.doing = "put an adapter on a running model",
                  .where = adapter_.path.string(),
                  .found = "a change of " + name,
                  .expected = "changes of attention's and the feed-forward network's linears and of the norms before "
                              "them, or of lm_head",
                  .advice = "orrery merge writes a model with the adapter in it"});
  }

  /// A length for each row of W + scale·B·A is no sum that could be added to W's product.
  Error refuse_dora(const std::string& name) const {
    return Error({.doing = "put an adapter on a running model",
                  .where = adapter_.path.string(),
                  .found = fmt::format("DoRA, which changes {} as a whole", name),
                  .expected = "an adapter that adds to a model's products, as LoRA does",
                  .advice = "orrery merge writes a model with the adapter in it"});
  }

  std::vector<SiteLinear> linears_of(int64_t layer, Site site, bool paired) const {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    const int64_t q = spec_.heads * spec_.head_dim, kv = spec_.kv_heads * spec_.head_dim;
    const int64_t inner = spec_.intermediate_size;
    switch (site) {
      case Site::kQkv:
        if (spec_.qkv_interleaved) return {};
        return {{prefix + "self_attn.q_proj", {0, q}, true},
                {prefix + "self_attn.k_proj", {q, kv}, true},
                {prefix + "self_attn.v_proj", {q + kv, kv}}};
      case Site::kOutput:
        return {{prefix + "self_attn.o_proj", {0, spec_.hidden_size}}};
      case Site::kGateUp:
        if (!spec_.gated_mlp) return {{prefix + "mlp.up_proj", {0, inner}}};
        return {{prefix + "mlp.gate_proj", {0, inner, paired}},
                {prefix + "mlp.up_proj", {paired ? 1 : inner, inner, paired}}};
      case Site::kDown:
        return {{prefix + "mlp.down_proj", {0, spec_.hidden_size}}};
      case Site::kHead:
        break;
    }
    return {{"lm_head", {0, spec_.vocab_size}}};
  }

  std::string norm_of(int64_t layer, Site site) const {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    if (site == Site::kHead) return "model.norm";
    if (site == Site::kQkv || (site == Site::kGateUp && spec_.parallel_blocks)) return prefix + "input_layernorm";
    return site == Site::kGateUp ? prefix + "post_attention_layernorm" : "";
  }

  void add_site(int64_t layer, Site site) {
    SiteChange& change = out_.sites.emplace_back();
    const Projection* projection = projections_(layer, site);
    if (projection == nullptr) return;
    const std::vector<SiteLinear> linears = linears_of(layer, site, projection->paired);
    add_low_rank(change.low_rank, linears, *projection);
    add_input_scales(change, linears);
    add_norm(change, norm_of(layer, site));
  }

  const LinearChange* change_of(const std::string& name) {
    const auto found = changes_.find(name);
    if (found == changes_.end()) return nullptr;
    used_.insert(name);
    return found->second;
  }

  /// A bias that was trained, less the base's.
  std::vector<float> bias_change(const std::string& name) {
    const auto found = replaced_.find(name + ".bias");
    if (found == replaced_.end() || !base_.has(name + ".bias")) return {};
    used_.insert(name + ".bias");
    std::vector<float> values = floats_of(*found->second);
    const std::vector<float> old = base_.floats(name + ".bias");
    for (size_t i = 0; i < values.size(); ++i) values[i] -= old[i];
    return values;
  }

  Columns columns_of(const SiteLinear& linear) {
    Columns columns;
    const LinearChange* change = change_of(linear.name);
    std::vector<float> b, bias, bias_delta = bias_change(linear.name);
    if (change != nullptr && change->rank() > 0) {
      columns.a = floats_of(change->a);
      columns.rank = change->rank();
      b = floats_of(change->b);
    }
    if (change != nullptr && change->bias.data != nullptr) bias = floats_of(change->bias);
    columns.scale.assign(columns.rank, change == nullptr ? 1.0f : static_cast<float>(change->scale));
    columns.constant.assign(columns.rank, 0.0f);
    for (const auto& [values, factor] :
         {std::pair{&bias, change == nullptr ? 0.0 : change->scale}, {&bias_delta, 1.0}}) {
      if (values->empty()) continue;
      columns.scale.push_back(0);
      columns.constant.push_back(static_cast<float>(factor));
    }
    const int64_t count = columns.count();
    for (int64_t row = 0; count > 0 && row < linear.outputs.count; ++row) {
      columns.b.insert(columns.b.end(), b.begin() + row * columns.rank, b.begin() + (row + 1) * columns.rank);
      for (const std::vector<float>* values : {&bias, &bias_delta})
        if (!values->empty()) columns.b.push_back((*values)[row]);
    }
    return columns;
  }

  /// The engine's q and k are half-split, whatever the files are.
  std::vector<const float*> rows_of(const SiteLinear& linear, const std::vector<float>& values, int64_t cols) const {
    std::vector<const std::byte*> rows(static_cast<size_t>(linear.outputs.count));
    for (size_t row = 0; row < rows.size(); ++row)
      rows[row] = reinterpret_cast<const std::byte*>(values.data() + row * cols);
    const RopeLayout layout = adapter_.rope_layout;
    if (linear.rotated && layout == RopeLayout::kInterleaved) split_halves(rows, spec_.head_dim, spec_.rope.dim);
    std::vector<const float*> floats;
    for (const std::byte* row : rows) floats.push_back(reinterpret_cast<const float*>(row));
    return floats;
  }

  void add_low_rank(LowRank& low_rank, const std::vector<SiteLinear>& linears, const Projection& projection) {
    std::vector<Columns> parts;
    for (const SiteLinear& linear : linears) parts.push_back(columns_of(linear));
    std::vector<const float*> a;
    for (const Columns& part : parts) {
      for (int64_t i = 0; i < part.count(); ++i)
        a.push_back(i < part.rank ? part.a.data() + i * projection.inputs() : nullptr);
      low_rank.scale.insert(low_rank.scale.end(), part.scale.begin(), part.scale.end());
      low_rank.constant.insert(low_rank.constant.end(), part.constant.begin(), part.constant.end());
    }
    if (a.empty()) return;
    out_.widest = std::max(out_.widest, low_rank.columns());
    if (std::ranges::any_of(parts, [](const Columns& part) { return part.rank > 0; }))
      low_rank.a = pack_floats(a, projection.inputs(), out_.memory);
    if (projection.paired) return add_pair(low_rank, linears, parts);
    int64_t column = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].count() == 0) continue;
      const std::vector<const float*> b = rows_of(linears[i], parts[i].b, parts[i].count());
      low_rank.pieces.push_back({pack_floats(b, parts[i].count(), out_.memory), column, linears[i].outputs.first});
      column += parts[i].count();
    }
  }

  /// Strips of gate and up in turn: each row reads its own columns, and zeros for the other's.
  void add_pair(LowRank& low_rank, const std::vector<SiteLinear>& linears, const std::vector<Columns>& parts) {
    const int64_t all = low_rank.columns(), outputs = linears[0].outputs.count;
    std::vector<float> wide[2];
    std::vector<const float*> rows;
    for (int64_t side = 0, first = 0; side < 2; first += parts[side++].count()) {
      wide[side].resize(static_cast<size_t>(outputs * all));
      const int64_t count = parts[side].count();
      for (int64_t row = 0; row < outputs; ++row)
        std::copy_n(parts[side].b.data() + row * count, count, wide[side].data() + row * all + first);
    }
    for (int64_t first = 0; first < outputs; first += kStripRows)
      for (const std::vector<float>& side : wide)
        for (int64_t row = first; row < first + kStripRows; ++row)
          rows.push_back(row < outputs ? side.data() + row * all : nullptr);
    low_rank.pieces.push_back({pack_floats(rows, all, out_.memory), 0, 0});
  }

  void add_input_scales(SiteChange& change, const std::vector<SiteLinear>& linears) {
    bool any = false;
    for (const SiteLinear& linear : linears) {
      const LinearChange* of = change_of(linear.name);
      auto& scale = change.input_scales.emplace_back(SiteChange::InputScale{{}, linear.outputs});
      if (of == nullptr || of->input_scale.data == nullptr) continue;
      scale.factors = floats_of(of->input_scale);
      out_.replacing = "the input scale of " + linear.name;
      any = true;
    }
    if (!any) change.input_scales.clear();
  }

  void add_norm(SiteChange& change, const std::string& prefix) {
    const auto weight = replaced_.find(prefix + ".weight"), bias = replaced_.find(prefix + ".bias");
    if (weight == replaced_.end() && bias == replaced_.end()) return;
    change.norm = base_.norm(prefix);
    if (weight != replaced_.end()) {
      change.norm->weight = floats_of(*weight->second);
      if (spec_.norm == NormKind::kRms)
        for (float& value : change.norm->weight) value += static_cast<float>(adapter_.norm_offset);
    }
    if (bias != replaced_.end()) change.norm->bias = floats_of(*bias->second);
    used_.insert({prefix + ".weight", prefix + ".bias"});
    out_.replacing = prefix;
  }

  /// Keys W_k·(s_k ⊙ P) + b_k, values likewise: the base's projection with the adapter's scales and biases, without its
  /// low-rank parts, which the authors' code leaves out there.
  void add_prompt(const AdaptionPrompt& prompt) {
    const Projection* qkv = projections_(prompt.layer, Site::kQkv);
    if (qkv == nullptr || spec_.qkv_interleaved || spec_.qk_norm) throw refuse("attention by adaption prompts");
    PromptKeys& packed = out_.prompts[static_cast<size_t>(prompt.layer)];
    packed = {.length = prompt.length, .head_dim = spec_.head_dim, .keys = {}, .values = {}, .gates = prompt.gates};
    const std::vector<SiteLinear> linears = linears_of(prompt.layer, Site::kQkv, false);
    packed.keys = project_prompt(prompt, *qkv, linears[1]);
    packed.values = project_prompt(prompt, *qkv, linears[2]);
  }

  std::vector<float> project_prompt(const AdaptionPrompt& prompt, const Projection& qkv, const SiteLinear& linear) {
    const LinearChange* change = change_of(linear.name);
    const int64_t size = spec_.hidden_size, length = prompt.length, dim = spec_.head_dim;
    std::vector<float> scaled = prompt.prompt, out(static_cast<size_t>(length * qkv.outputs));
    if (change != nullptr && change->input_scale.data != nullptr) {
      const std::vector<float> scale = floats_of(change->input_scale);
      for (size_t i = 0; i < scaled.size(); ++i) scaled[i] *= scale[i % scale.size()];
    }
    projector_.run({{scaled.data(), size, length, size}, &qkv, out.data(), qkv.outputs}, Profile::kNorm, Profile::kQkv);
    std::vector<float> bias(static_cast<size_t>(linear.outputs.count));
    if (change != nullptr && change->bias.data != nullptr) {
      const std::vector<float> values = floats_of(change->bias);
      const std::vector<const float*> rows = rows_of(linear, values, 1);
      for (size_t i = 0; i < bias.size(); ++i) bias[i] = *rows[i];
    }
    std::vector<float> result(static_cast<size_t>(length * linear.outputs.count));
    for (int64_t head = 0; head < spec_.kv_heads; ++head)
      for (int64_t key = 0; key < length; ++key)
        for (int64_t i = 0; i < dim; ++i)
          result[(head * length + key) * dim + i] =
              out[key * qkv.outputs + linear.outputs.first + head * dim + i] + bias[head * dim + i];
    return result;
  }

  PackedAdapter& out_;
  const Adapter& adapter_;
  const WeightLoader& base_;
  const DecoderSpec& spec_;
  const PackedAdapter::Projections& projections_;
  Projector& projector_;
  std::map<std::string, const LinearChange*> changes_;
  std::map<std::string, const TensorView*> replaced_;
  std::set<std::string> used_;
};

}  // namespace

PackedAdapter::PackedAdapter(const Adapter& bound, const WeightLoader& base, const Projections& projections,
                             Projector& projector) {
  static std::atomic<uint64_t> next{1};
  serial = next++;
  Packer(*this, bound, base, projections, projector).run();
}

void PromptKeys::attend(int64_t kv_head, int64_t head, const float* q, float scale, float weight, float* out) const {
  const float* key = keys.data() + kv_head * length * head_dim;
  const float* value = values.data() + kv_head * length * head_dim;
  thread_local std::vector<float> scores;
  scores.assign(static_cast<size_t>(length), 0.0f);
  for (int64_t s = 0; s < length; ++s)
    for (int64_t i = 0; i < head_dim; ++i) scores[s] += q[i] * key[s * head_dim + i];
  const float largest = *std::ranges::max_element(scores) * scale;
  float sum = 0;
  for (float& score : scores) sum += score = std::exp(score * scale - largest);
  for (int64_t s = 0; s < length; ++s) {
    const float share = weight * gates[head] * scores[s] / sum;
    for (int64_t i = 0; i < head_dim; ++i) out[i] += share * value[s * head_dim + i];
  }
}

}  // namespace orrery::text
