// nn::Decoder against the original implementations: logits, the streams between layers, losses and gradients.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "orrery/nn/decoder.h"
#include "orrery/text/families/family.h"
#include "tests/golden/nn_values.h"

namespace orrery::nn {

using text::golden::expect_close;
using text::golden::Expected;
using text::golden::ModelCase;
namespace {

PackedRows rows_of(const Expected& expected, const char* ids = "input_ids") {
  std::vector<std::vector<text::TokenId>> rows;
  for (int64_t row = 0; row < expected.shape(ids).at(0); ++row) rows.push_back(expected.ids(ids, row));
  return PackedRows(rows);
}

/// Fuyu's pictures, where `indices` [batch, tokens] (patch number or -1) puts them.
void add_patches(const Expected& expected, const char* indices, PackedRows& rows) {
  if (!expected.has("image_patches")) return;
  const std::vector<int64_t> shape = expected.shape("image_patches"), places = expected.integers(indices);
  const int64_t length = expected.shape(indices).at(1);
  const at::Tensor all = at::tensor(expected.floats("image_patches")).view(shape);
  std::vector<at::Tensor> patches;
  std::vector<int64_t> where;
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] < 0) continue;
    patches.push_back(all[static_cast<int64_t>(i) / length][places[i]]);
    where.push_back(static_cast<int64_t>(i));
  }
  rows.patches = at::stack(patches);
  rows.patch_places = at::tensor(where);
}

class NnGolden : public testing::TestWithParam<ModelCase> {
 protected:
  void SetUp() override {
    checkpoint_ = text::Checkpoint::open(GetParam().model.string());
    decoder_ = std::make_unique<Decoder>(*checkpoint_);
  }
  /// The parameter that a file of the original's form calls `name`.
  const at::Tensor& parameter(const std::string& name) const {
    const text::Family& family = text::family_named(decoder_->spec().family);
    for (const text::ExpectedTensor& tensor : text::expected_tensors(family, decoder_->spec()))
      if (tensor.hub == name || tensor.meta == name) return decoder_->parameters().at(tensor.canonical);
    return decoder_->parameters().at(name);
  }
  at::Tensor loss(const PackedRows& rows) {
    const at::Tensor labels = at::tensor(expected_.integers("labels"));
    return at::cross_entropy_loss(decoder_->logits(decoder_->hidden(rows)), next_tokens(labels, rows));
  }

  const Expected expected_{GetParam().folder};
  std::shared_ptr<const text::Checkpoint> checkpoint_;
  std::unique_ptr<Decoder> decoder_;
};

TEST_P(NnGolden, Logits) {
  PackedRows rows = rows_of(expected_);
  add_patches(expected_, "image_patches_indices", rows);
  const at::Tensor logits = decoder_->logits(decoder_->hidden(rows)).contiguous();
  expect_close(values(logits), expected_.floats(GetParam().logits), text::golden::kTolerance, "logits");
}

class NnStreamGolden : public NnGolden {};

// Of a transformer the last one listed is behind the last norm, of the others before it.
TEST_P(NnStreamGolden, BetweenTheLayers) {
  PackedRows rows = rows_of(expected_);
  add_patches(expected_, "image_patches_indices", rows);
  std::vector<at::Tensor> streams;
  const at::Tensor last = decoder_->hidden(rows, &streams);
  if (decoder_->spec().mixer == text::MixerKind::kAttention) streams.back() = last;
  if (const int64_t every = decoder_->spec().rwkv.rescale_every; every > 0)  // the originals halve it when they infer
    for (size_t i = 0; i < streams.size(); ++i) streams[i] = streams[i] / std::ldexp(1.0, int(i) / int(every));
  for (size_t i = 0; i < streams.size(); ++i) {
    const std::string name = "hidden." + std::to_string(i);
    if (expected_.has(name))
      expect_close(values(streams[i].contiguous()), expected_.floats(name), text::golden::kTolerance, name.c_str());
  }
}

class NnGradientGolden : public NnGolden {};

TEST_P(NnGradientGolden, LossAndGradients) {
  PackedRows rows = rows_of(expected_);
  add_patches(expected_, "image_patches_indices", rows);
  const at::Tensor loss = this->loss(rows);
  EXPECT_NEAR(loss.item<float>(), expected_.floats("loss").at(0), 1e-4);
  loss.backward();
  int compared = 0;
  for (const std::string& name : expected_.names()) {
    if (!name.starts_with("grad.")) continue;
    ++compared;
    at::Tensor gradient = parameter(name.substr(5)).grad();
    ASSERT_TRUE(gradient.defined()) << name;
    // RWKV-7's maps of low rank are the transposes of its authors'.
    if (gradient.dim() == 2 && expected_.shape(name) == std::vector<int64_t>{gradient.size(1), gradient.size(0)} &&
        gradient.size(0) != gradient.size(1))
      gradient = gradient.t();
    expect_gradient(gradient, expected_.floats(name), 1e-3f, name.c_str());
  }
  EXPECT_GT(compared, 0);
}

INSTANTIATE_TEST_SUITE_P(Nn, NnGolden, testing::ValuesIn(text::golden::model_cases()), text::golden::name_of);
INSTANTIATE_TEST_SUITE_P(Nn, NnStreamGolden, testing::ValuesIn(text::golden::model_cases_with("hidden.1")),
                         text::golden::name_of);
INSTANTIATE_TEST_SUITE_P(Nn, NnGradientGolden, testing::ValuesIn(text::golden::model_cases_with("loss")),
                         text::golden::name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NnGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NnStreamGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NnGradientGolden);

}  // namespace
}  // namespace orrery::nn
