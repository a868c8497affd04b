#include "orrery/text/families/rope_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/gguf_config.h"

namespace orrery::text {

namespace {

void refuse_unknown_options(const ConfigJson& rope) {
  static constexpr std::string_view kKnown[] = {
      "type",        "rope_type",       "rope_theta",       "factor",    "original_max_position_embeddings",
      "finetuned",   "low_freq_factor", "high_freq_factor", "beta_fast", "beta_slow",
      "mscale",      "mscale_all_dim",  "attention_factor", "truncate",  "partial_rotary_factor",
      "long_factor", "short_factor",
  };
  for (const std::string& key : rope.keys())
    if (rope.has(key) && std::ranges::count(kKnown, key) == 0)
      throw rope.error(key, "an option that is not supported", fmt::format("only {}", fmt::join(kKnown, ", ")));
  if (!rope.boolean("truncate", true)) throw rope.error("truncate", "false", "true: nothing else is supported");
}

double positive(const ConfigJson& rope, std::string_view key) {
  const double value = rope.number(key);
  if (!(value > 0) || !std::isfinite(value)) throw rope.error(key, fmt::format("{}", value), "a positive number");
  return value;
}

double positive(const ConfigJson& rope, std::string_view key, double fallback) {
  return rope.has(key) ? positive(rope, key) : fallback;
}

void read_yarn(const ConfigJson& rope, int64_t context_length, RopeSpec& spec) {
  spec.scaling = RopeSpec::Scaling::kYarn;
  spec.original_context = rope.size("original_max_position_embeddings", context_length);
  spec.factor = positive(rope, "factor", double(context_length) / double(spec.original_context));
  spec.beta_fast = positive(rope, "beta_fast", 32);
  spec.beta_slow = positive(rope, "beta_slow", 1);
  if (rope.has("mscale") && rope.has("mscale_all_dim") && rope.number("mscale") != 0 &&
      rope.number("mscale_all_dim") != 0)
    spec.attention_factor =
        yarn_magnitude(spec.factor, rope.number("mscale")) / yarn_magnitude(spec.factor, rope.number("mscale_all_dim"));
  else
    spec.attention_factor = yarn_magnitude(spec.factor);
  spec.attention_factor = positive(rope, "attention_factor", spec.attention_factor);
}

void read_llama3(const ConfigJson& rope, RopeSpec& spec) {
  spec.scaling = RopeSpec::Scaling::kLlama3;
  spec.factor = positive(rope, "factor");
  spec.low_freq_factor = positive(rope, "low_freq_factor");
  spec.high_freq_factor = positive(rope, "high_freq_factor");
  spec.original_context = rope.size("original_max_position_embeddings");
  if (spec.high_freq_factor <= spec.low_freq_factor)
    throw rope.error("high_freq_factor", fmt::format("{}", spec.high_freq_factor), "more than low_freq_factor");
}

void read_dynamic(const ConfigJson& rope, int64_t context_length, RopeSpec& spec) {
  spec.scaling = RopeSpec::Scaling::kDynamic;
  spec.factor = positive(rope, "factor");
  spec.original_context = context_length;
  if (spec.factor < 1) throw rope.error("factor", fmt::format("{}", spec.factor), "1 or more");
}

std::vector<float> divisors(const ConfigJson& rope, std::string_view key, int64_t dim) {
  const std::vector<double> numbers = rope.numbers(key);
  if (int64_t(numbers.size()) != dim / 2)
    throw rope.error(key, fmt::format("{} numbers", numbers.size()),
                     fmt::format("one for each of the {} frequencies", dim / 2));
  for (double number : numbers)
    if (!(number > 0) || !std::isfinite(number)) throw rope.error(key, fmt::format("{}", number), "positive numbers");
  return {numbers.begin(), numbers.end()};
}

constexpr std::string_view kOriginal = "original_max_position_embeddings";

void set_longrope_context(const ConfigJson& rope, int64_t original, int64_t context_length, RopeSpec& spec) {
  spec.original_context = original;
  spec.factor = positive(rope, "factor", double(context_length) / double(original));
  spec.attention_factor = positive(rope, "attention_factor", longrope_magnitude(spec.factor, original));
}

void read_longrope(const ConfigJson& rope, int64_t context_length, RopeSpec& spec) {
  spec.scaling = RopeSpec::Scaling::kLongRope;
  spec.factors = divisors(rope, "long_factor", spec.dim);
  spec.short_factors = divisors(rope, "short_factor", spec.dim);
  set_longrope_context(rope, rope.size(kOriginal, context_length), context_length, spec);
}

std::vector<float> divisors(const TensorView& tensor, const GgufConfig& config, int64_t dim) {
  if (tensor.dtype != DType::kF32 || tensor.elements() != dim / 2)
    throw Error({.doing = "open a language model",
                 .where = config.where() + ", tensor " + tensor.name,
                 .found = fmt::format("{} {}", name(tensor.dtype), shape_string(tensor.shape)),
                 .expected = fmt::format("f32 [{}]", dim / 2)});
  std::vector<float> values(size_t(dim / 2));
  std::memcpy(values.data(), tensor.data, size_t(tensor.bytes));
  return values;
}

/// rope_freqs.weight: llama.cpp divides each frequency by its factor, and by a linear scaling's factor as well.
void read_factors(const TensorView& factors, const GgufConfig& config, RopeSpec& spec) {
  if (spec.scaling == RopeSpec::Scaling::kYarn)
    throw config.error("rope.scaling.type", "yarn", "none beside the tensor rope_freqs.weight");
  spec.factors = divisors(factors, config, spec.dim);
  for (float& divisor : spec.factors) divisor *= float(spec.factor);
  spec.scaling = RopeSpec::Scaling::kFactors;
  spec.factor = 1;
}

/// rope_factors_long.weight: llama.cpp's convert script writes the magnitude beside it, and often no scaling.type.
void read_longrope(const TensorView& factors, const GgufConfig& config, int64_t context_length, RopeSpec& spec) {
  const TensorView* short_factors = config.file().find("rope_factors_short.weight");
  if (short_factors == nullptr)
    throw Error({.doing = "open a language model",
                 .where = config.where(),
                 .found = "rope_factors_long.weight alone",
                 .expected = "rope_factors_short.weight beside it"});
  spec.scaling = RopeSpec::Scaling::kLongRope;
  spec.factors = divisors(factors, config, spec.dim);
  spec.short_factors = divisors(*short_factors, config, spec.dim);
  spec.original_context = config.size("rope.scaling.original_context_length", context_length);
  spec.factor = double(context_length) / double(spec.original_context);
  spec.attention_factor = config.positive("rope.scaling.attn_factor", 1);
}

/// The rotated part of a head: a whole number of pairs.
int64_t checked_dim(int64_t dim, int64_t head_dim, const std::string& where) {
  if (dim < 2 || dim > head_dim || dim % 2 != 0)
    throw Error({.doing = "read a model's rotary embedding",
                 .where = where,
                 .found = fmt::format("{} rotated dimensions of a head of {}", dim, head_dim),
                 .expected = "an even number, at most the head's"});
  return dim;
}

}  // namespace

double yarn_magnitude(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double longrope_magnitude(double factor, int64_t original_context) {
  return factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(double(original_context)));
}

RopeSpec rope_from_hub(const ConfigJson& config, int64_t head_dim, int64_t context_length, double rotated) {
  const ConfigJson rope = config.object(config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
  RopeSpec spec =
      rope_from_parameters(rope, head_dim, context_length, positive(config, "partial_rotary_factor", rotated));
  if (!rope.has("rope_theta")) spec.theta = positive(config, "rope_theta", 10000.0);
  if (spec.scaling == RopeSpec::Scaling::kLongRope && config.has(kOriginal))  // Phi-3 has it there
    set_longrope_context(rope, config.size(kOriginal), context_length, spec);
  return spec;
}

RopeSpec rope_from_parameters(const ConfigJson& rope, int64_t head_dim, int64_t context_length, double rotated) {
  refuse_unknown_options(rope);
  RopeSpec spec;
  spec.theta = positive(rope, "rope_theta", 10000.0);
  spec.dim = checked_dim(int64_t(double(head_dim) * std::min(positive(rope, "partial_rotary_factor", rotated), 2.0)),
                         head_dim, rope.where() + ", partial_rotary_factor");
  const std::string type = rope.string("rope_type", rope.string("type", "default"));
  if (type == "linear") {
    spec.scaling = RopeSpec::Scaling::kLinear;
    spec.factor = positive(rope, "factor");
  } else if (type == "yarn") {
    read_yarn(rope, context_length, spec);
  } else if (type == "dynamic") {
    read_dynamic(rope, context_length, spec);
  } else if (type == "longrope" || type == "su") {
    read_longrope(rope, context_length, spec);
  } else if (type == "llama3") {
    read_llama3(rope, spec);
  } else if (type != "default") {
    throw rope.error("rope_type", type, "one of: default, linear, dynamic, yarn, llama3, longrope");
  }
  return spec;
}

std::vector<float> llama3_divisors(const RopeSpec& rope) {
  // Frequencies that turn less than low_freq_factor times in the trained context are divided by `factor`, those that
  // turn more than high_freq_factor times stay, and 1 / divisor is linear between.
  std::vector<float> divisors;
  for (int64_t i = 0; i < rope.dim / 2; ++i) {
    const double frequency = std::pow(rope.theta, -2.0 * double(i) / double(rope.dim));
    const double turns = double(rope.original_context) * frequency / (2 * M_PI);
    const double kept =
        std::clamp((turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor), 0.0, 1.0);
    divisors.push_back(float(1 / ((1 - kept) / rope.factor + kept)));
  }
  return divisors;
}

namespace {

/// Llama 3.1 and 3.2, whose divisors their GGUF files have in place of the settings; no value is off by more than
/// float32 makes it.
RopeSpec llama3_of_divisors(const RopeSpec& rope) {
  for (double factor : {8.0, 32.0}) {
    RopeSpec guess = rope;
    guess.scaling = RopeSpec::Scaling::kLlama3;
    guess.factor = factor;
    guess.original_context = 8192;
    guess.low_freq_factor = 1;
    guess.high_freq_factor = 4;
    if (std::ranges::equal(llama3_divisors(guess), rope.factors,
                           [](float a, float b) { return std::abs(a - b) <= 1e-5f * std::abs(b); }))
      return guess;
  }
  throw Error({.doing = "write a config.json",
               .where = "rope_freqs.weight",
               .found = "divisors of the rotary frequencies that are not Llama 3's",
               .expected = "a scaling that a config can name"});
}

}  // namespace

void write_rope(const RopeSpec& spec, nlohmann::json& config) {
  const RopeSpec rope = spec.scaling == RopeSpec::Scaling::kFactors ? llama3_of_divisors(spec) : spec;
  config["rope_theta"] = rope.theta;
  switch (rope.scaling) {
    case RopeSpec::Scaling::kLinear:
      config["rope_scaling"] = {{"type", "linear"}, {"factor", rope.factor}};
      break;
    case RopeSpec::Scaling::kYarn:
      config["rope_scaling"] = {{"type", "yarn"},
                                {"factor", rope.factor},
                                {"original_max_position_embeddings", rope.original_context},
                                {"beta_fast", rope.beta_fast},
                                {"beta_slow", rope.beta_slow},
                                {"attention_factor", rope.attention_factor}};
      break;
    case RopeSpec::Scaling::kLlama3:
      config["rope_scaling"] = {{"rope_type", "llama3"},
                                {"factor", rope.factor},
                                {"low_freq_factor", rope.low_freq_factor},
                                {"high_freq_factor", rope.high_freq_factor},
                                {"original_max_position_embeddings", rope.original_context}};
      break;
    case RopeSpec::Scaling::kDynamic:
      config["rope_scaling"] = {{"type", "dynamic"}, {"factor", rope.factor}};
      break;
    case RopeSpec::Scaling::kLongRope:
      config["rope_scaling"] = {{"type", "longrope"},
                                {"factor", rope.factor},
                                {"original_max_position_embeddings", rope.original_context},
                                {"attention_factor", rope.attention_factor},
                                {"long_factor", rope.factors},
                                {"short_factor", rope.short_factors}};
      break;
    case RopeSpec::Scaling::kNone:
    case RopeSpec::Scaling::kNtk:  // in no model's files
    case RopeSpec::Scaling::kFactors:
      config["rope_scaling"] = nullptr;
  }
}

RopeSpec rope_from_gguf(const GgufConfig& config, int64_t head_dim, int64_t context_length) {
  RopeSpec spec;
  spec.theta = config.positive("rope.freq_base", 10000.0);
  spec.dim = checked_dim(config.integer("rope.dimension_count", head_dim), head_dim,
                         config.where() + ", rope.dimension_count");
  const double factor = config.positive("rope.scaling.factor", config.positive("rope.scale_linear", 1.0));
  // A factor without a type is linear scaling, as in llama.cpp.
  const std::string type = config.string("rope.scaling.type", factor == 1 ? "none" : "linear");
  if (type == "linear" && factor != 1) {
    spec.scaling = RopeSpec::Scaling::kLinear;
    spec.factor = factor;
  } else if (type == "yarn") {
    spec.scaling = RopeSpec::Scaling::kYarn;
    spec.factor = factor;
    spec.original_context = config.size("rope.scaling.original_context_length", context_length);
    spec.beta_fast = config.positive("rope.scaling.yarn_beta_fast", 32);
    spec.beta_slow = config.positive("rope.scaling.yarn_beta_slow", 1);
    spec.attention_factor = config.positive("rope.scaling.attn_factor", 1) * yarn_magnitude(factor);
  } else if (type != "none" && type != "linear" && type != "longrope") {
    throw config.error("rope.scaling.type", type, "one of: none, linear, yarn, longrope");
  }
  if (const TensorView* factors = config.file().find("rope_factors_long.weight"))
    read_longrope(*factors, config, context_length, spec);
  else if (type == "longrope")
    throw config.error("rope.scaling.type", type, "the tensor rope_factors_long.weight beside it");
  if (const TensorView* factors = config.file().find("rope_freqs.weight")) read_factors(*factors, config, spec);
  return spec;
}

}  // namespace orrery::text
