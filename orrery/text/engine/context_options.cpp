#include "orrery/text/engine/context_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/base/error.h"
#include "orrery/kernels/attention/kv_page.h"
#include "orrery/text/families/rope_config.h"

namespace orrery::text {
namespace {

using Scaling = RopeSpec::Scaling;

constexpr int64_t kEndless = std::numeric_limits<int32_t>::max();

Error refusal(std::string option, std::string found, std::string expected, std::string advice = "") {
  return Error({.doing = "start the engine",
                .where = "option " + std::move(option),
                .found = std::move(found),
                .expected = std::move(expected),
                .advice = std::move(advice)});
}

int64_t trained_context(const DecoderSpec& spec) {
  return spec.rope.original_context > 0 ? spec.rope.original_context : spec.context_length;
}

double factor_asked_for(const EngineOptions& options, int64_t trained) {
  if (options.rope_factor > 0) return options.rope_factor;
  if (options.context == 0)
    throw refusal("rope_scaling", std::string(name(*options.rope_scaling)), "a rope_factor or a context beside it",
                  fmt::format("the model was trained on {} tokens: ask for a longer context", trained));
  return std::max(1.0, double(options.context) / double(trained));
}

int64_t reach(int64_t trained, double factor) { return std::llround(double(trained) * factor); }

// What the model's own scaling says that the new one builds on is kept: theta, layout, LongRoPE's divisors.
void scale(RopeSpec& rope, Scaling scaling, double factor, int64_t trained) {
  rope.scaling = scaling;
  rope.factor = factor;
  rope.original_context = trained;
  rope.attention_factor = scaling == Scaling::kYarn       ? yarn_magnitude(factor)
                          : scaling == Scaling::kLongRope ? longrope_magnitude(factor, trained)
                                                          : 1.0;
}

void scale_as_asked(DecoderSpec& spec, const EngineOptions& options) {
  const Scaling scaling = *options.rope_scaling, own = spec.rope.scaling;
  const std::string asked(name(scaling));
  if (options.rope_factor != 0 && !(options.rope_factor >= 1 && std::isfinite(options.rope_factor)))
    throw refusal("rope_factor", fmt::format("{}", options.rope_factor), "a number, 1 or more");
  if ((own == Scaling::kLongRope || own == Scaling::kFactors) && scaling != own)
    throw refusal("rope_scaling", asked, fmt::format("the model's own, which is {}", name(own)));
  if (scaling == Scaling::kLongRope && own != scaling)
    throw refusal("rope_scaling", asked, "another: the model's files have no long_factor and short_factor");
  const int64_t trained = trained_context(spec);
  const double factor = scaling == Scaling::kNone ? 1 : factor_asked_for(options, trained);
  scale(spec.rope, scaling, factor, trained);
  spec.context_length = reach(trained, factor);
}

// Distances beyond `neighbours` shrink to a group-th (Jin et al. 2024, sec. 3.2): what is trained reaches so much
// further.
void extend_as_asked(DecoderSpec& spec, const EngineOptions& options) {
  const int64_t trained = spec.context_length, group = options.self_extend;
  const int64_t neighbours = options.self_extend_window > 0 ? options.self_extend_window : trained / 2;
  if (group < 1) throw refusal("self_extend", fmt::format("{}", group), "1 (off) or more");
  if (options.rope_scaling || options.overflow == Overflow::kSinks)
    throw refusal("self_extend", "a rope_scaling or attention sinks beside it", "one of them");
  if (neighbours < kernels::kPageTokens || neighbours >= trained)
    throw refusal("self_extend_window", fmt::format("{}", neighbours),
                  fmt::format("{} to {}, less than the model's context", kernels::kPageTokens, trained - 1));
  spec.self_extend = {group, neighbours};
  spec.context_length = group * (trained - neighbours + neighbours / group);
}

void stream_as_asked(DecoderSpec& spec, const EngineOptions& options) {
  constexpr int64_t kSinks = 4;  // Xiao et al. 2023, table 2: more do not help
  const int64_t context = options.context > 0 ? options.context : default_context(spec, options);
  if (context < 2 * kSinks) throw refusal("context", fmt::format("{}", context), "8 or more, with attention sinks");
  spec.streaming = {kSinks, context - kSinks};
}

}  // namespace

int64_t default_context(const DecoderSpec& spec, const EngineOptions& options) {
  if (spec.constant_memory()) return kEndless;
  const bool asked = options.rope_scaling || options.self_extend > 1;
  return asked ? spec.context_length : std::min<int64_t>(spec.context_length, 8192);
}

std::string_view name(Scaling scaling) {
  switch (scaling) {
    case Scaling::kNone:
      return "none";
    case Scaling::kLinear:
      return "linear";
    case Scaling::kNtk:
      return "ntk";
    case Scaling::kDynamic:
      return "dynamic";
    case Scaling::kYarn:
      return "yarn";
    case Scaling::kLlama3:
      return "llama3";
    case Scaling::kLongRope:
      return "longrope";
    case Scaling::kFactors:
      return "factors";
  }
  return "?";
}

DecoderSpec with_context_options(DecoderSpec spec, const EngineOptions& options) {
  if (options.legacy_window)
    for (int64_t& window : spec.windows) window += window > 0;
  const bool turned = spec.mixer == MixerKind::kAttention && spec.rope.dim > 0;
  if (!turned && (options.rope_scaling || options.self_extend > 1 || options.overflow == Overflow::kSinks))
    throw refusal(options.rope_scaling      ? "rope_scaling"
                  : options.self_extend > 1 ? "self_extend"
                                            : "overflow",
                  "a model without rotary positions", "a model that has them");
  if (!options.rope_scaling && options.rope_factor != 0)
    throw refusal("rope_factor", fmt::format("{}", options.rope_factor), "a rope_scaling beside it");
  if (options.rope_scaling)
    scale_as_asked(spec, options);
  else if (spec.rope.scaling == Scaling::kDynamic)  // its config says the context that it starts from
    spec.context_length = reach(spec.rope.original_context, spec.rope.factor);
  if (options.self_extend != 1) extend_as_asked(spec, options);
  if (options.overflow == Overflow::kSinks) stream_as_asked(spec, options);
  return spec;
}

}  // namespace orrery::text
