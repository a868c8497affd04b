#include "orrery/formats/llama2_c.h"

#include <gtest/gtest.h>

#include "orrery/formats/gguf.h"
#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

/// dim 4, hidden 6, 2 layers, 2 heads, 1 kv head, vocabulary 3, 5 positions: the float at place i holds i.
std::string checkpoint(int version, bool shared, int extra_floats = 0) {
  std::string out;
  const auto add = [&](auto value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); };
  if (version > 0) {
    add(uint32_t{0x616b3432});
    add(int32_t{version});
  }
  for (int32_t field : {4, 6, 2, 2, 1, version == 0 && !shared ? -3 : 3, 5}) add(field);
  if (version > 0) {
    add(uint8_t{shared});
    out.resize(256);
  }
  const int layer = 4 + 16 + 8 + 8 + 16 + 4 + 24 * 3;
  const int floats = 12 + 2 * layer + 4 + (version == 0 ? 2 * 5 : 0) + (shared ? 0 : 12);
  for (int i = 0; i < floats + extra_floats; ++i) add(static_cast<float>(i));
  return out;
}

float first_of(const TensorView* tensor) {
  float value;
  std::memcpy(&value, tensor->data, sizeof value);
  return value;
}

TEST(Llama2c, ReadsVersion0) {
  const std::string bytes = checkpoint(0, true);
  const Llama2cFile file = Llama2cFile::parse(as_bytes(bytes), "t.bin");
  EXPECT_EQ(file.version(), 0);
  EXPECT_EQ(file.config().n_kv_heads, 1);
  EXPECT_TRUE(file.config().shared_classifier);
  EXPECT_EQ(first_of(file.find("tok_embeddings.weight")), 0);
  EXPECT_EQ(first_of(file.find("layers.1.attention_norm.weight")), 12 + 4);
  EXPECT_EQ(first_of(file.find("layers.0.attention.wq.weight")), 12 + 8);
  EXPECT_EQ(first_of(file.find("layers.1.attention.wk.weight")), 12 + 8 + 32 + 8);
  EXPECT_EQ(file.find("layers.1.attention.wk.weight")->shape, (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(file.find("layers.0.feed_forward.w2.weight")->shape, (std::vector<int64_t>{4, 6}));
  EXPECT_EQ(file.find("freqs_sin")->shape, (std::vector<int64_t>{5, 1}));
  EXPECT_EQ(file.find("output.weight"), nullptr);

  const std::string untied = checkpoint(0, false);
  const Llama2cFile other = Llama2cFile::parse(as_bytes(untied), "t.bin");
  EXPECT_EQ(other.config().vocab_size, 3);
  EXPECT_EQ(first_of(other.find("output.weight")), 12 + 2 * 128 + 4 + 10);
}

TEST(Llama2c, ReadsVersion1) {
  const std::string bytes = checkpoint(1, false);
  const Llama2cFile file = Llama2cFile::parse(as_bytes(bytes), "t.bin");
  EXPECT_EQ(file.version(), 1);
  EXPECT_EQ(first_of(file.find("layers.1.ffn_norm.weight")), 12);
  EXPECT_EQ(first_of(file.find("norm.weight")), 16);
  EXPECT_EQ(first_of(file.find("tok_embeddings.weight")), 20);
  EXPECT_EQ(first_of(file.find("layers.0.attention.wq.weight")), 32);
  EXPECT_EQ(file.find("freqs_cos"), nullptr);
  EXPECT_FALSE(file.config().shared_classifier);
  EXPECT_NE(file.find("output.weight"), nullptr);
}

TEST(Llama2c, RefusalsNameTheirCause) {
  const auto error = [](const std::string& bytes) {
    return error_message([&] { Llama2cFile::parse(as_bytes(bytes), "t.bin"); });
  };
  const auto with = [](size_t field, int32_t value) {
    std::string bytes = checkpoint(0, true);
    std::memcpy(bytes.data() + 4 * field, &value, 4);
    return bytes;
  };
  EXPECT_CONTAINS(error(""), "header: found 0 bytes left");
  EXPECT_CONTAINS(error(with(0, 0)), "dim: found 0");
  EXPECT_CONTAINS(error(with(1, -1)), "hidden_dim: found -1");
  EXPECT_CONTAINS(error(with(2, INT32_MAX)), "n_layers: found 2147483647");
  EXPECT_CONTAINS(error(with(3, 3)), "n_heads: found 3");
  EXPECT_CONTAINS(error(with(3, 4)), "an even head");
  EXPECT_CONTAINS(error(with(4, 0)), "n_kv_heads: found 0");
  EXPECT_CONTAINS(error(with(5, INT32_MIN)), "vocab_size: found -2147483648");
  EXPECT_CONTAINS(error(with(6, 0)), "max_seq_len: found 0");
  EXPECT_CONTAINS(error(with(0, 2147483644)), "tok_embeddings.weight");
  EXPECT_CONTAINS(error(with(6, INT32_MAX)), "freqs_cos");
  EXPECT_CONTAINS(error(checkpoint(0, true, 1)), "4 bytes more");
  EXPECT_CONTAINS(error(checkpoint(0, true, -1)), "freqs_sin: found 16 bytes left");
  EXPECT_CONTAINS(error(checkpoint(2, true)), "version: found 2");
}

TEST(Llama2c, Stories260KEqualsItsGguf) {
  const auto folder = shared_path("data/weights/stories260K");
  if (!folder) GTEST_SKIP() << "no ../shared";
  const Llama2cFile file = Llama2cFile::open(*folder / "stories260K.bin");
  const GgufFile gguf = GgufFile::open(*folder / "stories260K.gguf");
  const std::pair<const char*, const char*> names[] = {{"tok_embeddings.weight", "token_embd.weight"},
                                                       {"norm.weight", "output_norm.weight"},
                                                       {"layers.4.attention.wk.weight", "blk.4.attn_k.weight"},
                                                       {"layers.2.feed_forward.w2.weight", "blk.2.ffn_down.weight"},
                                                       {"layers.3.ffn_norm.weight", "blk.3.ffn_norm.weight"}};
  for (const auto& [theirs, ggml] : names) {
    const TensorView *a = file.find(theirs), *b = gguf.find(ggml);
    ASSERT_TRUE(a && b) << theirs;
    EXPECT_EQ(a->shape, b->shape);
    EXPECT_EQ(std::memcmp(a->data, b->data, a->bytes), 0) << theirs;
  }
  const Llama2cTokenizer tokenizer = Llama2cTokenizer::open(*folder / "tok512.bin");
  EXPECT_EQ(tokenizer.tokens.size(), static_cast<size_t>(file.config().vocab_size));
  EXPECT_EQ(tokenizer.scores.size(), tokenizer.tokens.size());
  EXPECT_EQ(tokenizer.tokens[3], "<0x00>");
}

TEST(Llama2cTokenizer, RefusesLengthsThatLie) {
  const auto error = [](std::initializer_list<int32_t> words) {
    return error_message(
        [&] { Llama2cTokenizer::parse(std::as_bytes(std::span(words.begin(), words.size())), "tok.bin"); });
  };
  EXPECT_EQ(error({4, 0, 4, 0x61616161}), "no error");
  EXPECT_CONTAINS(error({4, 0, 5, 0, 0}), "token 0: found 5 bytes, expected 0 to 4");
  EXPECT_CONTAINS(error({4, 0, -1}), "token 0: found -1 bytes");
  EXPECT_CONTAINS(error({9, 0, 8, 0}), "token 0: found 4 bytes left");
  EXPECT_CONTAINS(error({4, 0}), "token 0: found 0 bytes left");
}

}  // namespace
}  // namespace orrery::formats
