#include "orrery/nn/packed_attention.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "orrery/kernels/packed_attention/packed_attention.h"

namespace orrery::nn {

namespace {

using kernels::HeadRows;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// f(task) for each task on torch's threads. A task is taken when a thread is free: they differ in length.
template <class F>
void for_tasks(int64_t tasks, const F& f) {
  std::atomic<int64_t> next{0};
  at::parallel_for(0, std::min<int64_t>(tasks, at::get_num_threads()), 1, [&](int64_t first, int64_t last) {
    for (int64_t thread = first; thread < last; ++thread)
      for (int64_t task; (task = next.fetch_add(1)) < tasks;) f(task);
  });
}

HeadRows<float> heads_of(const at::Tensor& x, int64_t token, int64_t head) {  // [n, heads, head_dim], contiguous
  return {x.data_ptr<float>() + (token * x.size(1) + head) * x.size(2), x.size(1) * x.size(2)};
}

struct Problem {
  at::Tensor q, k, v;
  std::vector<int64_t> offsets, branches;
  double scale;
  int64_t window;

  int64_t kv_heads() const { return k.size(1); }
  int64_t group() const { return q.size(1) / k.size(1); }
  int64_t head_dim() const { return q.size(2); }
  int64_t tasks() const { return (static_cast<int64_t>(offsets.size()) - 1) * kv_heads(); }
  int64_t row(int64_t task) const { return task / kv_heads(); }
  int64_t kv_head(int64_t task) const { return task % kv_heads(); }
  int64_t first(int64_t task) const { return offsets[row(task)]; }
  int64_t tokens(int64_t task) const { return offsets[row(task) + 1] - offsets[row(task)]; }

  /// A task's row begins to branch at these tokens of it.
  std::vector<int64_t> branches_of(int64_t task) const {
    std::vector<int64_t> own;
    for (const int64_t branch : branches)
      if (branch >= first(task) && branch < first(task) + tokens(task)) own.push_back(branch - first(task));
    return own;
  }
  kernels::PackedAttention of(int64_t task, std::span<const int64_t> own_branches) const {
    return {.tokens = tokens(task),
            .head_dim = head_dim(),
            .group = group(),
            .window = window,
            .scale = static_cast<float>(scale),
            .q = queries(q, task),
            .k = keys(k, task),
            .v = keys(v, task),
            .branches = own_branches};
  }
  HeadRows<float> queries(const at::Tensor& x, int64_t task) const {
    return heads_of(x, first(task), kv_head(task) * group());
  }
  HeadRows<float> keys(const at::Tensor& x, int64_t task) const { return heads_of(x, first(task), kv_head(task)); }
  /// Of all [heads, n]: those of a task's heads and row, which lie row after row.
  std::span<float> log_sums(const at::Tensor& all, int64_t task) const {
    float* begin = all.data_ptr<float>() + first(task) * q.size(1) + kv_head(task) * group() * tokens(task);
    return {begin, static_cast<size_t>(group() * tokens(task))};
  }
  std::vector<float> scratch(int64_t task) const {
    return std::vector<float>(kernels::packed_attention_scratch(tokens(task), head_dim()));
  }
};

class PackedAttentionFunction : public torch::autograd::Function<PackedAttentionFunction> {
 public:
  static Variable forward(AutogradContext* context, const Variable& q, const Variable& k, const Variable& v,
                          const std::optional<at::Tensor>& cos, const std::optional<at::Tensor>& sin,
                          const std::vector<int64_t>& offsets, const std::vector<int64_t>& branches, double scale,
                          int64_t window, bool are_rounded) {
    const auto turned = [&](const at::Tensor& x) { return cos ? turned_halves(x, *cos, *sin) : x.contiguous(); };
    const Problem problem{turned(q), turned(k), v.contiguous(), offsets, branches, scale, window};
    at::Tensor out = at::empty_like(problem.q);
    const at::Tensor log_sum = at::empty({q.size(0) * q.size(1)}, at::kFloat);
    for_tasks(problem.tasks(), [&](int64_t task) {
      std::vector<float> scratch = problem.scratch(task);
      const std::vector<int64_t> own = problem.branches_of(task);
      kernels::packed_attention(problem.of(task, own), problem.queries(out, task), problem.log_sums(log_sum, task),
                                scratch);
    });
    const auto kept = [&](const at::Tensor& x) { return are_rounded ? x.to(at::kBFloat16) : x.contiguous(); };
    context->save_for_backward(
        {kept(q), kept(k), kept(v), out, log_sum, cos.value_or(at::Tensor()), sin.value_or(at::Tensor())});
    context->saved_data["offsets"] = offsets;
    context->saved_data["branches"] = branches;
    context->saved_data["scale"] = scale;
    context->saved_data["window"] = window;
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &out = saved[3], &log_sum = saved[4], &cos = saved[5], &sin = saved[6];
    const auto turned = [&](const at::Tensor& x) { return cos.defined() ? turned_halves(x, cos, sin) : x; };
    const Problem problem{turned(saved[0].to(at::kFloat)),
                          turned(saved[1].to(at::kFloat)),
                          saved[2].to(at::kFloat),
                          context->saved_data["offsets"].toIntVector(),
                          context->saved_data["branches"].toIntVector(),
                          context->saved_data["scale"].toDouble(),
                          context->saved_data["window"].toInt()};
    const at::Tensor d_out = gradients[0].contiguous();
    at::Tensor d_q = at::empty_like(problem.q), d_k = at::empty_like(problem.k), d_v = at::empty_like(problem.v);
    for_tasks(problem.tasks(), [&](int64_t task) {
      std::vector<float> scratch = problem.scratch(task);
      const std::vector<int64_t> own = problem.branches_of(task);
      kernels::packed_attention_backward(
          problem.of(task, own),
          {problem.queries(out, task), problem.queries(d_out, task), problem.log_sums(log_sum, task)},
          problem.queries(d_q, task), problem.keys(d_k, task), problem.keys(d_v, task), scratch);
    });
    const auto turned_back = [&](const at::Tensor& x) { return cos.defined() ? turned_halves(x, cos, sin.neg()) : x; };
    return {turned_back(d_q), turned_back(d_k), d_v, {}, {}, {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const PackedRows& rows,
                            const AttentionOptions& options) {
  const auto maybe = [&](const at::Tensor& (RotaryAngles::*part)() const) {
    return options.angles ? std::optional((options.angles->*part)()) : std::nullopt;
  };
  return PackedAttentionFunction::apply(q, k, v, maybe(&RotaryAngles::cos), maybe(&RotaryAngles::sin), rows.offsets,
                                        rows.branches, options.scale, options.window, options.are_rounded);
}

}  // namespace orrery::nn
