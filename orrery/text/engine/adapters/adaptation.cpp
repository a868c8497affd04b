#include "orrery/text/engine/adapters/adaptation.h"

#include <algorithm>

namespace orrery::text {
namespace {

using kernels::kStripRows;
using kernels::MatmulOutput;

constexpr int64_t kScaledRows = 64;  // tokens whose inputs are scaled at once: bounds the memory of their products

/// Rows [first, first + count) of a product.
Product rows_of(const Product& product, int64_t first, int64_t count) {
  Product part = product;
  part.input.count = count;
  if (part.input.index != nullptr)
    part.input.index += first;
  else
    part.input.x += first * part.input.stride;
  if (part.input.norms != nullptr) part.input.norms += first;
  part.out += first * part.stride;
  return part;
}

/// to (+)= from, of one linear's outputs.
void take(const OutputRange& range, const float* from, bool add, float* to) {
  const int64_t run = range.paired ? kStripRows : range.count, step = range.paired ? 2 * kStripRows : range.count;
  int64_t at = range.paired ? range.first * kStripRows : range.first;
  for (int64_t left = range.count; left > 0; left -= run, at += step)
    for (int64_t i = at; i < at + std::min(run, left); ++i) to[i] = add ? to[i] + from[i] : from[i];
}

/// The norm or input scales that a set has there: at most one of its adapters sets them.
const SiteChange* setter(const AdapterSet* set, int64_t layer, Site site) {
  if (set == nullptr) return nullptr;
  for (const AdapterSet::Use& use : set->uses)
    if (!use.adapter->linear()) return &use.adapter->at(layer, site);
  return nullptr;
}

}  // namespace

void Adaptation::begin(const Batch& batch) {
  sets_.clear();
  distinct_.clear();
  for (const Segment& segment : batch.segments)
    if (segment.adapters != nullptr && std::ranges::count(distinct_, segment.adapters) == 0)
      distinct_.push_back(segment.adapters);
  if (distinct_.empty()) return;
  for (const Batch::Row& row : batch.rows) sets_.push_back(batch.segments[row.segment].adapters);
}

bool Adaptation::touches(int64_t layer, Site site) const {
  return std::ranges::any_of(distinct_, [&](const AdapterSet* set) {
    return std::ranges::any_of(set->uses, [&](const auto& use) { return use.adapter->at(layer, site).any(); });
  });
}

void Adaptation::find_runs(const ProjectionInput& input) {
  runs_.clear();
  for (int64_t row = 0; row < input.count; ++row) {
    const AdapterSet* set = sets_[input.index == nullptr ? row : input.index[row]];
    if (runs_.empty() || runs_.back().set != set) runs_.push_back({set, row, 0});
    ++runs_.back().count;
  }
}

void Adaptation::choose_norms(int64_t layer, Site site, ProjectionInput& input) {
  norms_.assign(static_cast<size_t>(input.count), input.norm);
  bool any = false;
  for (const Run& run : runs_) {
    const SiteChange* change = setter(run.set, layer, site);
    if (change == nullptr || !change->norm) continue;
    std::fill_n(norms_.begin() + run.first, run.count, &*change->norm);
    any = true;
  }
  if (any) input.norms = norms_.data();
}

// The base's product, for all rows at once unless some of them scale their inputs; then what is added to it.
void Adaptation::run_changed(int64_t layer, Site site, Product product, Profile::Stage pack, Profile::Stage multiply) {
  find_runs(product.input);
  choose_norms(layer, site, product.input);
  const auto scales_of = [&](const Run& run) {
    const SiteChange* change = setter(run.set, layer, site);
    return change == nullptr || change->input_scales.empty() ? nullptr : &change->input_scales;
  };
  if (std::ranges::none_of(runs_, scales_of)) {
    projector_.run(product, pack, multiply);
  } else {
    for (const Run& run : runs_) {
      const Product rows = rows_of(product, run.first, run.count);
      if (const auto* scales = scales_of(run))
        multiply_scaled(run, *scales, rows, pack, multiply);
      else
        projector_.run(rows, pack, multiply);
    }
  }
  size_t uses = 0;
  for (const Run& run : runs_) uses = std::max(uses, run.set == nullptr ? 0 : run.set->uses.size());
  for (size_t use = 0; use < uses; ++use) add_low_rank(layer, site, use, product, pack, multiply);
}

// Each token is a row for each linear, scaled for it: the weights are read once, and a linear's outputs taken from its
// own row.
void Adaptation::multiply_scaled(const Run& run, const std::vector<SiteChange::InputScale>& scales,
                                 const Product& product, Profile::Stage pack, Profile::Stage multiply) {
  const auto linears = static_cast<int64_t>(scales.size());
  const int64_t outputs = product.weights->outputs;
  const ProjectionInput& input = product.input;
  for (int64_t first = 0; first < run.count; first += kScaledRows) {
    const int64_t count = std::min(kScaledRows, run.count - first), rows = count * linears;
    scaled_rows_.resize(static_cast<size_t>(rows));
    factors_.resize(static_cast<size_t>(rows));
    scaled_norms_.assign(static_cast<size_t>(rows), input.norm);
    scaled_.resize(static_cast<size_t>(rows * outputs));
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t row = first + i / linears;
      const std::vector<float>& factors = scales[i % linears].factors;
      scaled_rows_[i] = input.index == nullptr ? static_cast<int32_t>(row) : input.index[row];
      factors_[i] = factors.empty() ? nullptr : factors.data();
      if (input.norms != nullptr) scaled_norms_[i] = input.norms[row];
    }
    const ProjectionInput scaled{
        input.x,        input.stride, rows, input.cols, input.norm, scaled_rows_.data(), scaled_norms_.data(),
        factors_.data()};
    projector_.run({scaled, product.weights, scaled_.data(), outputs}, pack, multiply);
    for (int64_t i = 0; i < rows; ++i)
      take(scales[i % linears].outputs, scaled_.data() + i * outputs, product.mode == MatmulOutput::kAdd,
           product.out + (first + i / linears) * product.stride);
  }
}

// The `use`-th adapter of every row that has one: t = weight·(scale ⊙ (A·x) + constant), out += B·t.
void Adaptation::add_low_rank(int64_t layer, Site site, size_t use, const Product& product, Profile::Stage pack,
                              Profile::Stage multiply) {
  const auto of = [&](const Run& run) -> const LowRank* {
    if (run.set == nullptr || use >= run.set->uses.size()) return nullptr;
    const LowRank& low_rank = run.set->uses[use].adapter->at(layer, site).low_rank;
    return low_rank.columns() == 0 ? nullptr : &low_rank;
  };
  int64_t stride = 0;
  for (const Run& run : runs_)
    if (const LowRank* low_rank = of(run)) stride = std::max(stride, low_rank->columns());
  low_rank_.assign(static_cast<size_t>(product.input.count * stride), 0.0f);

  products_.clear();
  for (const Run& run : runs_) {
    const LowRank* low_rank = of(run);
    if (low_rank == nullptr || low_rank->a.parts.empty()) continue;
    const Product rows = rows_of(product, run.first, run.count);
    products_.push_back({rows.input, &low_rank->a, low_rank_.data() + run.first * stride, stride});
  }
  projector_.run(products_, pack, multiply);

  products_.clear();
  for (const Run& run : runs_) {
    const LowRank* low_rank = of(run);
    if (low_rank == nullptr) continue;
    const float weight = run.set->uses[use].weight;
    for (int64_t row = run.first; row < run.first + run.count; ++row) {
      float* t = low_rank_.data() + row * stride;
      for (int64_t c = 0; c < low_rank->columns(); ++c)
        t[c] = weight * (low_rank->scale[c] * t[c] + low_rank->constant[c]);
    }
    const Product rows = rows_of(product, run.first, run.count);
    for (const LowRank::Piece& piece : low_rank->pieces)
      products_.push_back(
          {{low_rank_.data() + run.first * stride + piece.first_column, stride, run.count, piece.b.inputs()},
           &piece.b,
           rows.out + piece.first_output,
           product.stride,
           MatmulOutput::kAdd});
  }
  projector_.run(products_, pack, multiply);
}

}  // namespace orrery::text
