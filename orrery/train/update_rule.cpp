#include "orrery/train/update_rule.h"

#include <ATen/ATen.h>

#include "orrery/kernels/adafactor/adafactor.h"
#include "orrery/kernels/adamw/adamw.h"
#include "orrery/kernels/adamw_8bit/adamw_8bit.h"
#include "orrery/kernels/lion/lion.h"
#include "orrery/train/paged.h"
#include "orrery/train/pieces.h"

namespace orrery::train {

namespace {

constexpr int64_t kLeast8bit = 4096;

bool is_paged(OptimizerKind kind) {
  return kind == OptimizerKind::kPagedAdamW || kind == OptimizerKind::kPagedAdamW8bit ||
         kind == OptimizerKind::kPagedLion;
}

/// Of a state.
at::Tensor zeros(at::IntArrayRef sizes, const OptimizerOptions& options, at::ScalarType type = at::kFloat) {
  return is_paged(options.optim) ? paged_zeros(sizes, type, options.page_folder) : at::zeros(sizes, type);
}

class Rule : public UpdateRule {
 public:
  Rule(const at::Tensor& parameter, const OptimizerOptions& options)
      : options_(options), weight_decay_(parameter.dim() > 1 ? options.weight_decay : 0) {}

 protected:
  kernels::AdamWStep adamw_step(const UpdateStep& step) const {
    return {.learning_rate = step.learning_rate,
            .beta1 = options_.adam_beta1,
            .beta2 = options_.adam_beta2,
            .eps = options_.adam_epsilon,
            .weight_decay = weight_decay_,
            .gradient_scale = step.gradient_scale,
            .step = step.number};
  }
  const OptimizerOptions options_;
  const double weight_decay_;
};

class AdamW final : public Rule {
 public:
  AdamW(const at::Tensor& parameter, const OptimizerOptions& options)
      : Rule(parameter, options), m_(zeros(parameter.sizes(), options)), v_(zeros(parameter.sizes(), options)) {}
  void update(const UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) override {
    for_pieces(parameter.numel(), [&](int64_t first, int64_t count) {
      kernels::adamw(adamw_step(step), span_of<float>(parameter, first, count), span_of<float>(gradient, first, count),
                     span_of<float>(m_, first, count), span_of<float>(v_, first, count));
    });
  }
  NamedTensors state() const override { return {{"m", m_}, {"v", v_}}; }

 private:
  at::Tensor m_, v_;
};

class AdamW8bit final : public Rule {
 public:
  AdamW8bit(const at::Tensor& parameter, const OptimizerOptions& options)
      : Rule(parameter, options), m_(parameter.numel(), 127, options), v_(parameter.numel(), 0, options) {}
  void update(const UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) override {
    for_pieces(parameter.numel(), [&](int64_t first, int64_t count) {
      kernels::adamw_8bit(adamw_step(step), span_of<float>(parameter, first, count),
                          span_of<float>(gradient, first, count), m_.part(first, count), v_.part(first, count));
    });
  }
  NamedTensors state() const override {
    return {{"m", m_.codes}, {"m_scale", m_.scales}, {"v", v_.codes}, {"v_scale", v_.scales}};
  }

 private:
  static constexpr auto kBlock = static_cast<int64_t>(kernels::kMomentBlock);
  static_assert(kPiece % kBlock == 0);
  struct Moments {
    Moments(int64_t size, int64_t zero, const OptimizerOptions& options)
        : codes(zeros({size}, options, at::kByte).fill_(zero)),
          scales(zeros({(size + kBlock - 1) / kBlock}, options)) {}
    kernels::Moments8bit part(int64_t first, int64_t count) const {
      return {span_of<uint8_t>(codes, first, count),
              span_of<float>(scales, first / kBlock, (count + kBlock - 1) / kBlock)};
    }
    at::Tensor codes, scales;
  };
  Moments m_, v_;
};

class Lion final : public Rule {
 public:
  Lion(const at::Tensor& parameter, const OptimizerOptions& options)
      : Rule(parameter, options), m_(zeros(parameter.sizes(), options)) {}
  void update(const UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) override {
    const kernels::LionStep how{.learning_rate = step.learning_rate,
                                .beta1 = options_.adam_beta1,
                                .beta2 = options_.adam_beta2,
                                .weight_decay = weight_decay_,
                                .gradient_scale = step.gradient_scale};
    for_pieces(parameter.numel(), [&](int64_t first, int64_t count) {
      kernels::lion(how, span_of<float>(parameter, first, count), span_of<float>(gradient, first, count),
                    span_of<float>(m_, first, count));
    });
  }
  NamedTensors state() const override { return {{"m", m_}}; }

 private:
  at::Tensor m_;
};

class Adafactor final : public Rule {
 public:
  Adafactor(const at::Tensor& parameter, const OptimizerOptions& options) : Rule(parameter, options) {
    if (parameter.dim() == 2)
      row_ = at::zeros({parameter.size(0)}), column_ = at::zeros({parameter.size(1)});
    else
      v_ = at::zeros(parameter.sizes());
  }
  void update(const UpdateStep& step, const at::Tensor& parameter, const at::Tensor& gradient) override {
    const kernels::AdafactorStep how{.learning_rate = step.learning_rate,
                                     .clip_threshold = options_.clip_threshold,
                                     .decay_rate = options_.decay_rate,
                                     .weight_decay = weight_decay_,
                                     .scale_parameter = options_.scale_parameter,
                                     .gradient_scale = step.gradient_scale,
                                     .step = step.number};
    if (v_.defined())
      kernels::adafactor_vector(how, span_of<float>(parameter), span_of<float>(gradient), span_of<float>(v_));
    else
      kernels::adafactor(how, span_of<float>(parameter), span_of<float>(gradient), span_of<float>(row_),
                         span_of<float>(column_), run_parts);
  }
  NamedTensors state() const override {
    return v_.defined() ? NamedTensors{{"v", v_}} : NamedTensors{{"row", row_}, {"column", column_}};
  }

 private:
  static void run_parts(int64_t parts, const std::function<void(int64_t)>& work) {
    at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) work(part);
    });
  }
  at::Tensor row_, column_, v_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_update_rule(const at::Tensor& parameter, const OptimizerOptions& options) {
  switch (options.optim) {
    case OptimizerKind::kAdamW8bit:
    case OptimizerKind::kPagedAdamW8bit:
      if (parameter.numel() >= kLeast8bit) return std::make_unique<AdamW8bit>(parameter, options);
      break;
    case OptimizerKind::kAdafactor:
      return std::make_unique<Adafactor>(parameter, options);
    case OptimizerKind::kLion:
    case OptimizerKind::kPagedLion:
      return std::make_unique<Lion>(parameter, options);
    case OptimizerKind::kAdamW:
    case OptimizerKind::kPagedAdamW:
      break;
  }
  return std::make_unique<AdamW>(parameter, options);
}

}  // namespace orrery::train
