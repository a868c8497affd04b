// The engine's layers against the originals': the hidden state after each of them, all rows of a batch side by side.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "orrery/text/engine/layers.h"
#include "orrery/text/engine/sequence_memory.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_folders.h"

namespace orrery::text::golden {

class LayersGolden : public testing::TestWithParam<ModelCase> {
 protected:
  void SetUp() override {
    for (int64_t row = 0; row < rows_; ++row) {
      ids_.push_back(expected_.ids("input_ids", row));
      pages_.push_back(std::make_unique<SequencePages>(cache_, 0));
      pages_.back()->grow(tokens_);
      states_.emplace_back(layers_->state_bytes());
      segments_.push_back({.tokens = ids_.back(), .pages = pages_.back()->ids(), .state = states_.back().data()});
    }
    batch_.assign(segments_);
  }

  /// Embeddings as layer 0 gets them: [rows · tokens, hidden_size].
  std::vector<float> embeddings() const {
    std::vector<float> hidden(rows_ * tokens_ * spec_.hidden_size);
    for (int64_t i = 0; i < rows_ * tokens_; ++i) {
      const auto row = std::span(hidden).subspan(i * spec_.hidden_size, spec_.hidden_size);
      embed(*checkpoint_, ids_[i / tokens_][i % tokens_], row);
      for (float& value : row) value *= static_cast<float>(spec_.embedding_scale);
    }
    return hidden;
  }

  const Expected expected_{GetParam().folder};
  const int64_t rows_ = expected_.shape("input_ids").at(0), tokens_ = expected_.shape("input_ids").at(1);
  const std::shared_ptr<const Checkpoint> checkpoint_ = Checkpoint::open(GetParam().model.string());
  const DecoderSpec& spec_ = checkpoint_->spec();
  ThreadPool pool_{2};
  Profile profile_;
  Projector projector_{pool_, profile_, rows_* tokens_, widest_input(spec_)};
  Adaptation adaptation_{projector_};
  KvCache cache_{
      {DType::kF32, spec_.kv_heads, spec_.head_dim},
      spec_.layers,
      spec_.mixer == MixerKind::kAttention ? rows_*((tokens_ + kernels::kPageTokens - 1) / kernels::kPageTokens) : 0};
  WeightLoader loader_{*checkpoint_, spec_, {.exact = true}};
  const std::unique_ptr<Layers> layers_ = make_layers(loader_, {.pool = pool_,
                                                                .profile = profile_,
                                                                .projector = projector_,
                                                                .cache = cache_,
                                                                .adaptation = adaptation_,
                                                                .max_tokens = rows_ * tokens_,
                                                                .context = spec_.context_length,
                                                                .exact = true});
  const Buffer weights_ = loader_.pack(pool_, {});
  std::vector<std::vector<TokenId>> ids_;
  std::vector<std::unique_ptr<SequencePages>> pages_;
  std::vector<Buffer> states_;
  std::vector<Segment> segments_;
  Batch batch_;
};

TEST_P(LayersGolden, HiddenStatesOfRowsSideBySide) {
  std::vector<float> hidden = embeddings();
  layers_->begin(batch_);
  for (int64_t layer = 0; layer < spec_.layers; ++layer) {
    layers_->run(layer, batch_, hidden.data(), {});
    // transformers' last one is that after the final norm; safari's is not.
    if (spec_.mixer != MixerKind::kHyena && layer + 1 == spec_.layers) break;
    const std::string name = "hidden." + std::to_string(layer + 1);
    std::vector<float> theirs = expected_.floats(name);
    if (const int64_t every = spec_.rwkv.rescale_every; every > 0)  // the engine halves the stream at its end alone
      for (float& value : theirs) value = std::ldexp(value, int((layer + 1) / every));
    // safari's READMEs advise a share of the largest value for one operator: a tenth of it for their sum.
    const auto [least, most] = std::ranges::minmax(theirs);
    const float tolerance = spec_.mixer == MixerKind::kHyena ? 2e-5f * std::max(most, -least) : kTolerance;
    expect_close(hidden, theirs, tolerance, name.c_str());
  }
}

namespace {
/// Those with hidden states and without pictures, whose rows are no embeddings of tokens.
std::vector<ModelCase> layer_cases() {
  std::vector<ModelCase> result = model_cases_with("hidden.1");
  std::erase_if(result, [](const ModelCase& model) { return Expected(model.folder).has("image_patches"); });
  return result;
}
}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LayersGolden);
INSTANTIATE_TEST_SUITE_P(Text, LayersGolden, testing::ValuesIn(layer_cases()), name_of);

}  // namespace orrery::text::golden
