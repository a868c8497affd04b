// RWKV under its authors' names: one file, no config.
#include <gtest/gtest.h>

#include <fstream>

#include "orrery/text/checkpoint.h"
#include "tests/text/tiny_rwkv.h"

namespace orrery::text {
namespace {

class RwkvCheckpointTest : public testing::TestWithParam<std::string> {
 protected:
  std::string refusal(const std::function<void(TinyTensors&)>& edit) {
    return error_of([&] { Checkpoint::open(write_tiny_rwkv(folder_.path(), GetParam(), edit).string()); });
  }
  TempFolder folder_;
};

TEST_P(RwkvCheckpointTest, IsToldApartByItsTensorsAndSizedByTheirShapes) {
  const auto file = write_tiny_rwkv(folder_.path(), GetParam());
  for (const auto& path : {file, folder_.path()}) {
    const auto checkpoint = Checkpoint::open(path.string());
    const DecoderSpec& spec = checkpoint->spec();
    EXPECT_EQ(spec.family, GetParam());
    EXPECT_EQ(spec.vocab_size, 256);
    EXPECT_EQ(spec.layers, 3);
    EXPECT_EQ(spec.heads * spec.head_dim, 64);
    EXPECT_EQ(spec.intermediate_size, 96);
    EXPECT_TRUE(spec.constant_memory());
    ASSERT_TRUE(checkpoint->has_tokenizer()) << "256 tokens are bytes";
    EXPECT_EQ(checkpoint->tokenizer().encode("a"), std::vector<TokenId>{'a'});
    EXPECT_EQ(checkpoint->tensor("model.layers.2.time_mix.key.weight")->shape, (std::vector<int64_t>{64, 64}));
    EXPECT_EQ(checkpoint->tensor("model.layers.2.channel_mix.mix_k")->shape, std::vector<int64_t>{64});
  }
}

TEST_P(RwkvCheckpointTest, RefusalsNameWhatIsWrong) {
  expect_contains(refusal([](TinyTensors& tensors) { tensors.remove("blocks.1.att.output.weight"); }),
                  {"missing tensors: blocks.1.att.output.weight"});
  expect_contains(refusal([](TinyTensors& tensors) { tensors.remove("blocks.0.ffn.key.weight"); }),
                  {"blocks.0.ffn.key.weight", "no such tensor"});
  expect_contains(refusal([](TinyTensors& tensors) {
                    tensors.find("head.weight")->shape = {64, 256};
                  }),
                  {"head.weight [64, 256] instead of [256, 64]"});
  expect_contains(refusal([](TinyTensors& tensors) { tensors.add("blocks.1.att.time_maa_x", {64}); }),
                  {"no use for: blocks.1.att.time_maa_x"});
}

INSTANTIATE_TEST_SUITE_P(All, RwkvCheckpointTest, testing::Values("rwkv4", "rwkv5", "rwkv7"),
                         [](const auto& info) { return info.param; });

TEST(RwkvCheckpoint, UnevenHeadsAndOtherVersionsAreRefused) {
  TempFolder folder;
  const auto refusal = [&](const std::string& family, const std::function<void(TinyTensors&)>& edit) {
    return error_of([&] { Checkpoint::open(write_tiny_rwkv(folder.path(), family, edit).string()); });
  };
  expect_contains(refusal("rwkv7",
                          [](TinyTensors& tensors) {
                            tensors.remove("blocks.0.att.r_k");
                            tensors.add("blocks.0.att.r_k", {5, 13});
                          }),
                  {"64 channels in 5 heads"});
  expect_contains(refusal("rwkv5", [](TinyTensors& tensors) { tensors.remove("blocks.0.att.time_faaaa"); }),
                  {"blocks.0.att.time_faaaa", "no such tensor"});
  expect_contains(refusal("rwkv4", [](TinyTensors& tensors) { tensors.remove("blocks.0.att.time_first"); }),
                  {"none of its versions", "RWKV-4, 5.2 or 7"});
}

TEST(RwkvCheckpoint, TheLowRankMapsAreTurned) {
  TempFolder folder;
  const auto checkpoint = Checkpoint::open(write_tiny_rwkv(folder.path(), "rwkv7").string());
  const TensorView* down = checkpoint->tensor("model.layers.1.time_mix.rate_down.weight");
  EXPECT_EQ(down->shape, (std::vector<int64_t>{12, 64}));
  TinyTensors stored;
  stored.add("blocks.1.att.a1", {64, 12});
  for (int64_t in : {0, 1, 63})
    for (int64_t out : {0, 5, 11})
      EXPECT_EQ(reinterpret_cast<const float*>(down->data)[out * 64 + in], stored.values[0][in * 12 + out]);
}

TEST(RwkvCheckpoint, AVocabularyBesideTheFileIsRead) {
  TempFolder folder;
  const auto file = write_tiny_rwkv(folder.path(), "rwkv7");
  std::ofstream(folder.path() / "rwkv_vocab_v20230424.txt") << "1 'ab' 2\n2 'a' 1\n";
  const auto checkpoint = Checkpoint::open(file.string());
  EXPECT_EQ(checkpoint->tokenizer().encode("aab"), (std::vector<TokenId>{2, 1}));
  EXPECT_EQ(checkpoint->tokenizer().size(), 256);
}

}  // namespace
}  // namespace orrery::text
