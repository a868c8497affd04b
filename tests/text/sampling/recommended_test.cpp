#include "orrery/text/sampling/recommended.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {
namespace {

using formats::GgufValue;

SamplingOptions from_gguf(const formats::GgufMetadata& metadata) {
  const TempFolder folder;
  formats::write_gguf(folder / "m.gguf", metadata, {});
  return recommended_by_gguf(formats::GgufFile::open(folder / "m.gguf"));
}

SamplingOptions from_hub(const char* generation_config) {
  const TempFolder folder;
  if (generation_config) std::ofstream(folder / "generation_config.json") << generation_config;
  return recommended_by_hub(folder.path());
}

TEST(RecommendedSampling, ComesFromGgufMetadata) {
  const SamplingOptions options = from_gguf({{"general.sampling.temp", GgufValue::f32(0.5f)},
                                             {"general.sampling.top_k", GgufValue::i32(20)},
                                             {"general.sampling.min_p", GgufValue::f32(0)},
                                             {"general.sampling.penalty_repeat", GgufValue::f32(1.25f)},
                                             {"general.sampling.penalty_last_n", GgufValue::i32(-1)},
                                             {"general.sampling.mirostat", GgufValue::i32(2)}});
  EXPECT_EQ(options.temperature, 0.5f);
  EXPECT_EQ(options.top_k, 20);
  EXPECT_EQ(options.top_p, SamplingOptions().top_p);  // not said
  EXPECT_EQ(options.min_p, 0);
  EXPECT_EQ(options.repeat_penalty, 1.25f);
  EXPECT_EQ(options.penalty_last_n, -1);
  EXPECT_EQ(options.mirostat, 2);
}

TEST(RecommendedSampling, ComesFromGenerationConfig) {
  const SamplingOptions options =
      from_hub(R"({"do_sample": true, "temperature": 0.25, "top_p": 0.5, "top_k": 64, "repetition_penalty": 1.5})");
  EXPECT_EQ(options.temperature, 0.25f);
  EXPECT_EQ(options.top_p, 0.5f);
  EXPECT_EQ(options.top_k, 64);
  EXPECT_EQ(options.repeat_penalty, 1.5f);
  EXPECT_EQ(options.penalty_last_n, -1);  // there it looks back at all
  EXPECT_EQ(from_hub(nullptr).temperature, SamplingOptions().temperature);
}

TEST(RecommendedSampling, ValuesWithoutMeaningCountAsAbsent) {
  const SamplingOptions defaults;
  const SamplingOptions hub = from_hub(R"({"temperature": -1, "top_p": 7, "top_k": "many", "min_p": null})");
  EXPECT_EQ(hub.temperature, defaults.temperature);
  EXPECT_EQ(hub.top_p, defaults.top_p);
  EXPECT_EQ(hub.top_k, defaults.top_k);
  const SamplingOptions gguf = from_gguf({{"general.sampling.temp", GgufValue::f32(NAN)},
                                          {"general.sampling.top_p", GgufValue::string("high")},
                                          {"general.sampling.mirostat", GgufValue::i32(1)}});
  EXPECT_EQ(gguf.temperature, defaults.temperature);
  EXPECT_EQ(gguf.top_p, defaults.top_p);
  EXPECT_EQ(gguf.mirostat, 0);
}

TEST(RecommendedSampling, AFileThatIsNoJsonIsNamed) {
  expect_contains(error_of([] { from_hub("{"); }), {"generation_config.json"});
}

}  // namespace
}  // namespace orrery::text
