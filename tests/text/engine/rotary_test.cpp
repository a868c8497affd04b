// Rotary frequencies against the publications' formulas (tests/text/scripts/make_rope_fixture.py).
#include "orrery/text/engine/rotary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "orrery/base/file.h"
#include "orrery/text/engine/context_options.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {
namespace {

using nlohmann::json;

json fixture() { return json::parse(read_text(ORRERY_SOURCE_DIR "/tests/fixtures/rope/frequencies.json")); }

// A model with the case's theta and trained context, of which the engine's options ask its scaling.
DecoderSpec asked_for(const json& c, double factor, int64_t context) {
  DecoderSpec spec;
  spec.context_length = c["original_context"];
  spec.rope = {.theta = c["theta"], .dim = c["dim"]};
  EngineOptions options{.context = context, .rope_factor = factor};
  for (const auto scaling :
       {RopeSpec::Scaling::kNone, RopeSpec::Scaling::kLinear, RopeSpec::Scaling::kNtk, RopeSpec::Scaling::kDynamic,
        RopeSpec::Scaling::kYarn, RopeSpec::Scaling::kLlama3, RopeSpec::Scaling::kLongRope})
    if (name(scaling) == c["scaling"].get<std::string>()) options.rope_scaling = scaling;
  if (c.contains("long_factor")) {
    spec.rope.scaling = RopeSpec::Scaling::kLongRope;
    spec.rope.factors = c["long_factor"].get<std::vector<float>>();
    spec.rope.short_factors = c["short_factor"].get<std::vector<float>>();
    spec.rope.original_context = c["original_context"];
  }
  return with_context_options(spec, options);
}

void expect_frequencies(const json& c, const RopeSpec& rope) {
  const std::vector<float> frequencies = rope_frequencies(rope, c.value("length", 0));
  ASSERT_EQ(frequencies.size(), c["frequencies"].size());
  for (size_t i = 0; i < frequencies.size(); ++i)  // pow and two or three operations round in float32
    EXPECT_NEAR(frequencies[i], c["frequencies"][i].get<double>(), 1e-6 * c["frequencies"][i].get<double>()) << c << i;
  EXPECT_NEAR(rope.attention_factor, c.value("attention_factor", 1.0), 1e-12) << c;
}

}  // namespace

TEST(Rotary, FrequenciesFollowThePublications) {
  const json cases = fixture();
  ASSERT_EQ(cases.size(), 15u);
  for (const json& c : cases) expect_frequencies(c, asked_for(c, 4, 0).rope);
}

TEST(Rotary, TheFactorIsTheContextOverTheTrainedOne) {
  for (const json& c : fixture()) {
    if (c["scaling"] == "none") continue;
    const DecoderSpec spec = asked_for(c, 0, 2048);
    EXPECT_EQ(spec.rope.factor, 4);
    EXPECT_EQ(spec.context_length, 2048);
    expect_frequencies(c, spec.rope);
  }
}

TEST(Rotary, RowsOfSequencesOfSeveralLengthsHaveTheirOwnAngles) {
  const RopeSpec spec{
      .dim = 16, .scaling = RopeSpec::Scaling::kDynamic, .factor = 4, .original_context = 512, .attention_factor = 1.5};
  Rotary rotary(spec);
  const int64_t positions[] = {3, 600, 601, 5}, lengths[] = {10, 700, 602, 700};
  rotary.begin(positions, lengths);
  for (size_t row = 0; row < 4; ++row) {
    const std::vector<float> frequencies = rope_frequencies(spec, lengths[row]);
    for (size_t i = 0; i < 8; ++i) {
      const float angle = static_cast<float>(positions[row]) * frequencies[i];
      EXPECT_EQ(rotary.cos(row)[i], std::cos(angle) * 1.5f);
      EXPECT_EQ(rotary.sin(row)[i], std::sin(angle) * 1.5f);
    }
  }
}

TEST(ContextOptions, WhatTheModelCannotHaveIsRefusedByName) {
  using Scaling = RopeSpec::Scaling;
  DecoderSpec spec;
  spec.context_length = 512;
  spec.rope.dim = 16;
  const auto refusal = [&](EngineOptions options) { return error_of([&] { with_context_options(spec, options); }); };
  expect_contains(refusal({.rope_scaling = Scaling::kYarn}), {"rope_scaling", "yarn", "context", "512"});
  expect_contains(refusal({.rope_factor = 4}), {"rope_factor", "rope_scaling"});
  expect_contains(refusal({.rope_scaling = Scaling::kYarn, .rope_factor = 0.5}), {"rope_factor", "0.5"});
  expect_contains(refusal({.rope_scaling = Scaling::kLongRope, .rope_factor = 2}), {"longrope", "long_factor"});
  spec.rope.scaling = Scaling::kFactors;
  expect_contains(refusal({.rope_scaling = Scaling::kYarn, .rope_factor = 2}), {"yarn", "factors"});
  spec.rope = {};
  expect_contains(refusal({.rope_scaling = Scaling::kYarn, .rope_factor = 2}), {"without rotary positions"});
}

TEST(ContextOptions, AScalingReplacesTheModelsOwn) {
  DecoderSpec spec;
  spec.context_length = 4096;
  spec.rope = {
      .dim = 16, .scaling = RopeSpec::Scaling::kYarn, .factor = 8, .original_context = 512, .attention_factor = 1.2};
  const DecoderSpec none = with_context_options(spec, {.rope_scaling = RopeSpec::Scaling::kNone});
  EXPECT_EQ(none.context_length, 512);
  EXPECT_EQ(none.rope.attention_factor, 1);
  EXPECT_EQ(rope_frequencies(none.rope), rope_frequencies({.dim = 16}));
  const DecoderSpec ntk = with_context_options(spec, {.context = 1024, .rope_scaling = RopeSpec::Scaling::kNtk});
  EXPECT_EQ(ntk.rope.factor, 2);
  EXPECT_EQ(ntk.context_length, 1024);
}

}  // namespace orrery::text
