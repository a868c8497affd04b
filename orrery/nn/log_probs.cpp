#include "orrery/nn/log_probs.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "orrery/nn/weight_gradient.h"

namespace orrery::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Logits that are made at once, 16 MiB: those of so many rows, and of as many words as fit. All rows of a micro-batch
// together, so that a weight is rounded, and its gradient added to, once.
constexpr int64_t kLogits = 4 << 20, kRows = 1024;

/// f(first, count) over `size` things, `at_once` at a time.
template <class F>
void for_parts(int64_t size, int64_t at_once, const F& f) {
  for (int64_t first = 0; first < size; first += at_once) f(first, std::min(at_once, size - first));
}

/// Some rows of a head in the type of its products: those of the words from `first` on.
struct Words {
  int64_t first;
  at::Tensor matrix, bias;  // float32 or bfloat16; float32, or undefined
  int64_t count() const { return matrix.size(0); }
  /// [n, count] float32, of rows [n, size] in the matrix's type.
  at::Tensor logits(const at::Tensor& rows) const {
    if (matrix.scalar_type() == at::kFloat) return at::linear(rows, matrix, bias);
    const at::Tensor y = at::linear(rows, matrix).to(at::kFloat);
    return bias.defined() ? y.add_(bias) : y;
  }
};

struct Head {
  at::Tensor weight, bias;  // [vocabulary, size], [vocabulary] or undefined
  bool half;
  at::Tensor rounded(const at::Tensor& x) const { return half ? x.to(at::kBFloat16) : x; }
  /// f(words) for all that have their logits for `rows` rows made together.
  template <class F>
  void for_words(int64_t rows, const F& f) const {
    for_parts(weight.size(0), std::max<int64_t>(1, kLogits / rows), [&](int64_t first, int64_t count) {
      f(Words{first, rounded(weight.narrow(0, first, count)),
              bias.defined() ? bias.narrow(0, first, count) : at::Tensor()});
    });
  }
};

/// Where rows find their wanted words among some.
struct Wanted {
  Wanted(const at::Tensor& wanted, const Words& words)
      : inside(wanted.ge(words.first).logical_and(wanted.lt(words.first + words.count()))),
        place((wanted - words.first).clamp(0, words.count() - 1)) {}
  at::Tensor inside, place;  // [n, 1]: whether they do; a place among them, that or any
};

class TokenLogProbs : public torch::autograd::Function<TokenLogProbs> {
 public:
  static Variable forward(AutogradContext* context, const Variable& hidden, const Variable& weight,
                          const std::optional<at::Tensor>& maybe_bias, const Variable& targets, bool half) {
    const Head head{weight, maybe_bias.value_or(at::Tensor()), half};
    const at::Tensor places = at::nonzero(targets.ne(kIgnored)).squeeze(-1);
    const at::Tensor rows = hidden.index_select(0, places), wanted = targets.index_select(0, places).unsqueeze(-1);
    const at::Tensor normaliser = at::full({rows.size(0), 1}, -INFINITY, hidden.options());
    const at::Tensor chosen = at::zeros_like(normaliser);
    for_parts(rows.size(0), kRows, [&](int64_t first, int64_t count) {
      const auto part = [&](const at::Tensor& x) { return x.narrow(0, first, count); };
      const at::Tensor read = head.rounded(part(rows));
      head.for_words(count, [&](const Words& words) {
        const at::Tensor logits = words.logits(read);
        const Wanted own(part(wanted), words);
        part(chosen).add_(at::where(own.inside, logits.gather(-1, own.place), 0));
        part(normaliser).copy_(at::logaddexp(part(normaliser), at::logsumexp(logits, -1, true)));
      });
    });
    context->save_for_backward({rows, weight, head.bias, wanted, places, normaliser});
    context->saved_data["half"] = half;
    return at::zeros({hidden.size(0)}, hidden.options()).index_copy_(0, places, (chosen - normaliser).squeeze(-1));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &rows = saved[0], &wanted = saved[3], &places = saved[4], &normaliser = saved[5];
    const Head head{saved[1], saved[2], context->saved_data["half"].toBool()};
    const at::Tensor d_log_prob = gradients[0].index_select(0, places).unsqueeze(-1);
    const at::Tensor d_rows = at::zeros_like(rows);
    WeightGradient d_weight(head.weight);
    at::Tensor d_bias;
    if (head.bias.defined() && context->needs_input_grad(2)) d_bias = at::zeros_like(head.bias);
    for_parts(rows.size(0), kRows, [&](int64_t first, int64_t count) {
      const auto part = [&](const at::Tensor& x) { return x.narrow(0, first, count); };
      const at::Tensor read = head.rounded(part(rows));
      head.for_words(count, [&](const Words& words) {
        // d log p(target) / d logits = onehot(target) - p
        at::Tensor d_logits = words.logits(read).sub_(part(normaliser)).exp_().mul_(-part(d_log_prob));
        const Wanted own(part(wanted), words);
        d_logits.scatter_add_(-1, own.place, at::where(own.inside, part(d_log_prob), 0));
        if (d_bias.defined()) d_bias.narrow(0, words.first, words.count()).add_(d_logits.sum(0));
        d_logits = head.rounded(d_logits);
        part(d_rows).add_(at::matmul(d_logits, words.matrix));
        if (context->needs_input_grad(1)) d_weight.add_product(d_logits, read, words.first);
      });
    });
    const at::Tensor d_hidden =
        at::zeros({gradients[0].size(0), rows.size(1)}, rows.options()).index_copy_(0, places, d_rows);
    return {d_hidden, d_weight.returned(), d_bias, {}, {}};
  }
};

}  // namespace

at::Tensor token_log_probs(const at::Tensor& hidden, const Linear& head, const at::Tensor& targets) {
  return TokenLogProbs::apply(hidden, head.merged_weight(),
                              head.bias.defined() ? std::optional(head.bias) : std::nullopt, targets, head.half);
}

}  // namespace orrery::nn
