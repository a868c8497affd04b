#include "orrery/text/engine/projector.h"

#include <algorithm>

namespace orrery::text {
namespace {

using kernels::kStripRows;
using kernels::MatmulOutput;

constexpr int64_t kFewRows = 16;                 // up to here a product is bound by reading the weights
constexpr int64_t kOwnRows = 2;                  // up to here every thread packs all rows for itself
constexpr int64_t kActivationBytes = 384 << 10;  // of one task, so that they stay in a core's L2 from strip to strip

int64_t align64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

int64_t strips_at_once(MatmulOutput mode) { return kernels::is_gated(mode) ? 2 : 1; }

int64_t strips_of(const Product& product) {
  int64_t strips = 0;
  for (const Projection::Part& part : product.weights->parts) strips += part.matrix.strips();
  return strips / strips_at_once(product.mode);
}

// Strips [first, last) of one part for rows of x, which start at `row` of the product.
void multiply(const Product& product, const Projection::Part& part, const kernels::PackedRows& x, int64_t first,
              int64_t last, int64_t row) {
  float* out = product.out + row * product.stride + part.first_output;
  kernels::matmul(part.matrix, x, first, last, product.mode, out, product.stride);
  const std::vector<float>& bias = product.weights->bias;
  if (bias.empty()) return;
  const int64_t begin = first * kStripRows, end = std::min(last * kStripRows, part.matrix.rows);
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t r = begin; r < end; ++r) out[i * product.stride + r] += bias[part.first_output + r];
  }
}

}  // namespace

Projector::Projector(ThreadPool& pool, Profile& profile, int64_t max_rows, int64_t widest)
    : pool_(pool), profile_(profile) {
  widen(widest);
  slots_.resize(1);
  slots_[0].memory = Buffer(kernels::packed_rows_bytes(max_rows, widest));
}

void Projector::widen(int64_t widest) {
  if (widest <= widest_) return;
  widest_ = widest;
  const int64_t packed = align64(kernels::packed_rows_bytes(kOwnRows, widest)), floats = align64(widest * 4);
  own_memory_ = Buffer(pool_.threads() * (packed + floats));
  own_rows_.assign(pool_.threads(), {});
  for (int thread = 0; thread < pool_.threads(); ++thread) {
    std::byte* memory = own_memory_.data() + thread * (packed + floats);
    own_rows_[thread].packed = memory;
    own_rows_[thread].normed = reinterpret_cast<float*>(memory + packed);
  }
}

// `normed` [cols] is scratch.
void Projector::pack_row(const ProjectionInput& input, int64_t row, float* normed, kernels::PackedRows& out) const {
  const auto cols = static_cast<size_t>(input.cols);
  const float* x = input.x + (input.index == nullptr ? row : input.index[row]) * input.stride;
  if (const Norm* norm = input.norms == nullptr ? input.norm : input.norms[row]) {
    (*norm)({x, cols}, {normed, cols});
    x = normed;
  }
  if (input.scales != nullptr && input.scales[row] != nullptr) {
    for (size_t i = 0; i < cols; ++i) normed[i] = x[i] * input.scales[row][i];
    x = normed;
  }
  kernels::pack_row(x, row, out);
}

kernels::PackedRows& Projector::place(size_t slot, const ProjectionInput& input, bool quantized) {
  if (slots_.size() <= slot) slots_.resize(slot + 1);
  Slot& s = slots_[slot];
  const auto bytes = static_cast<size_t>(kernels::packed_rows_bytes(input.count, input.cols));
  if (s.memory.size() < bytes) s.memory = Buffer(bytes);
  s.rows = kernels::place_packed_rows(input.count, input.cols, quantized, s.memory.data());
  s.rows.squared = input.squared;
  kernels::clear_padding(s.rows);
  return s.rows;
}

void Projector::run(std::span<const Product> products, Profile::Stage pack, Profile::Stage multiply,
                    const ReadAhead& ahead) {
  few_.clear();
  for (const Product& product : products) {
    if (product.input.count > kFewRows)
      run_many(product, pack, multiply);
    else if (product.input.count > 0)
      few_.push_back(&product);
  }
  if (!few_.empty()) run_few(few_, pack, multiply, ahead);
}

void Projector::run_many(const Product& product, Profile::Stage pack, Profile::Stage multiply_stage) {
  const int64_t count = product.input.count;
  kernels::PackedRows& rows = place(0, product.input, product.weights->quantized());
  {
    Profile::Timer timer(profile_, pack);
    pool_.run((count + 15) / 16, [&](int64_t chunk, int thread) {
      for (int64_t row = chunk * 16; row < std::min(count, (chunk + 1) * 16); ++row)
        pack_row(product.input, row, own_rows_[thread].normed, rows);
    });
  }
  Profile::Timer timer(profile_, multiply_stage);
  const int64_t unit = strips_at_once(product.mode);
  const int64_t row_bytes = product.input.cols * (product.weights->quantized() ? 1 : 4);
  const int64_t row_block = std::max<int64_t>(16, kActivationBytes / row_bytes / 16 * 16);
  const int64_t row_blocks = (count + row_block - 1) / row_block;
  for (const Projection::Part& part : product.weights->parts) {
    const int64_t all = part.matrix.strips();
    const int64_t strips = std::max(unit, all / (8 * pool_.threads()) / unit * unit);
    const int64_t strip_blocks = (all + strips - 1) / strips;
    pool_.run(row_blocks * strip_blocks, [&](int64_t chunk, int) {
      const int64_t first = chunk % strip_blocks * strips, row = chunk / strip_blocks * row_block;
      const kernels::PackedRows x = kernels::rows_of(rows, row, std::min(count, row + row_block));
      multiply(product, part, x, first, std::min(all, first + strips), row);
    });
  }
}

// Inputs that products share are packed once.
void Projector::pack(std::span<const Product* const> products) {
  struct Task {
    const ProjectionInput* input;
    kernels::PackedRows* rows;
  };
  thread_local std::vector<Task> tasks;
  tasks.clear();
  for (size_t i = 0; i < products.size(); ++i) {
    if (products[i]->input.count <= kOwnRows || input_of_[i] != i) continue;
    place(i, products[i]->input, products[i]->weights->quantized());
  }
  for (size_t i = 0; i < products.size(); ++i)
    if (products[i]->input.count > kOwnRows && input_of_[i] == i)
      tasks.push_back({&products[i]->input, &slots_[i].rows});
  if (tasks.empty()) return;
  // A row costs about a microsecond: two are worth sharing out.
  constexpr int64_t kPieces = kFewRows / 2;
  const std::vector<Task>& list = tasks;
  pool_.run(static_cast<int64_t>(list.size()) * kPieces, [&](int64_t piece, int thread) {
    const Task& task = list[piece / kPieces];
    const int64_t first = piece % kPieces * 2;
    for (int64_t row = first; row < std::min(task.input->count, first + 2); ++row)
      pack_row(*task.input, row, own_rows_[thread].normed, *task.rows);
  });
}

const kernels::PackedRows& Projector::rows_for(const Product& product, size_t input, int thread) {
  if (product.input.count > kOwnRows) return slots_[input].rows;
  OwnRows& own = own_rows_[thread];
  const uint64_t number = (loops_ << 32) + input;
  if (own.packed_for != number) {
    own.packed_for = number;
    own.rows =
        kernels::place_packed_rows(product.input.count, product.input.cols, product.weights->quantized(), own.packed);
    own.rows.squared = product.input.squared;
    kernels::clear_padding(own.rows);
    for (int64_t row = 0; row < product.input.count; ++row) pack_row(product.input, row, own.normed, own.rows);
  }
  return own.rows;
}

// A thread's strips are neighbours in memory, and all parts of all products are one loop.
void Projector::run_few(std::span<const Product* const> products, Profile::Stage pack_stage,
                        Profile::Stage multiply_stage, const ReadAhead& ahead) {
  input_of_.resize(products.size());
  int64_t strips = 0;
  for (size_t i = 0; i < products.size(); ++i) {
    strips += strips_of(*products[i]);
    const auto same = [&](const Product* other) {
      return other->input == products[i]->input && other->weights->quantized() == products[i]->weights->quantized();
    };
    input_of_[i] = std::ranges::find_if(products.first(i + 1), same) - products.begin();
  }
  {
    Profile::Timer timer(profile_, pack_stage);
    pack(products);
  }
  Profile::Timer timer(profile_, multiply_stage);
  ++loops_;
  pool_.run_stretches(
      strips,
      [=, this](int64_t begin, int64_t end, int thread) {
        int64_t before = 0;  // strips of the parts before
        for (size_t i = 0; i < products.size(); ++i) {
          const Product& product = *products[i];
          const int64_t unit = strips_at_once(product.mode);
          for (const Projection::Part& part : product.weights->parts) {
            const int64_t count = part.matrix.strips() / unit;
            const int64_t first = std::max(begin - before, int64_t{0}), last = std::min(end - before, count);
            if (first < last)
              multiply(product, part, rows_for(product, input_of_[i], thread), first * unit, last * unit, 0);
            before += count;
          }
        }
      },
      ahead);
}

}  // namespace orrery::text
