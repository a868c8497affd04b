// Hyena's blocks against safari's: the residual stream after each of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "orrery/text/engine/layers.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_folders.h"

namespace orrery::text::golden {

// Of the largest value: a tenth of what the README advises for one operator's outputs, of which the stream is a sum.
constexpr float kRelativeTolerance = 2e-5f;

class HyenaGolden : public testing::TestWithParam<ModelCase> {};

TEST_P(HyenaGolden, HiddenStatesOfRowsSideBySide) {
  const Expected expected(GetParam().folder);
  const auto checkpoint = Checkpoint::open(GetParam().model.string());
  const DecoderSpec& spec = checkpoint->spec();
  const int64_t sequences = expected.shape("input_ids").at(0), tokens = expected.shape("input_ids").at(1);

  ThreadPool pool(2);
  Profile profile;
  Projector projector(pool, profile, sequences * tokens, widest_input(spec));
  KvCache cache({}, spec.layers, 0);
  WeightLoader loader(*checkpoint, spec, {.exact = true});
  const auto layers = make_layers(loader, {.pool = pool,
                                           .profile = profile,
                                           .projector = projector,
                                           .cache = cache,
                                           .max_tokens = sequences * tokens,
                                           .context = spec.context_length,
                                           .exact = true});
  const Buffer weights = loader.pack(pool, {});

  std::vector<std::vector<TokenId>> ids;
  std::vector<Buffer> states;
  std::vector<Segment> segments;
  for (int64_t row = 0; row < sequences; ++row) {
    ids.push_back(expected.ids("input_ids", row));
    states.emplace_back(layers->state_bytes());
    segments.push_back({.tokens = ids.back(), .state = states.back().data()});
  }
  std::vector<float> hidden(sequences * tokens * spec.hidden_size);
  for (int64_t i = 0; i < sequences * tokens; ++i)
    embed(*checkpoint, ids[i / tokens][i % tokens], std::span(hidden).subspan(i * spec.hidden_size, spec.hidden_size));
  Batch batch;
  batch.assign(segments);
  layers->begin(batch);
  for (int64_t layer = 0; layer < spec.layers; ++layer) {
    layers->run(layer, batch, hidden.data(), {});
    const std::string name = "hidden." + std::to_string(layer + 1);
    const std::vector<float> theirs = expected.floats(name);
    const auto [least, most] = std::ranges::minmax(theirs);
    expect_close(hidden, theirs, kRelativeTolerance * std::max(most, -least), name.c_str());
  }
}

namespace {
std::vector<ModelCase> cases() {
  std::vector<ModelCase> result = model_cases_of("hyena");
  std::erase_if(result, [](const ModelCase& model) { return !Expected(model.folder).has("hidden.1"); });
  return result;
}
}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HyenaGolden);
INSTANTIATE_TEST_SUITE_P(Text, HyenaGolden, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace orrery::text::golden
