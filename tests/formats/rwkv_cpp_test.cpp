#include "orrery/formats/rwkv_cpp.h"

#include <gtest/gtest.h>

#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

/// A file of version 101: vocabulary 3, width 32, 1 layer, and the tensors that are added.
class Builder {
 public:
  explicit Builder(int32_t version = 101, int32_t vocab = 3, int32_t embed = 32, int32_t layers = 1) {
    add(0x67676d66, version, vocab, embed, layers, 0);
  }
  /// Shape as ggml has it: innermost first.
  Builder& tensor(std::string_view name, int32_t type, std::initializer_list<int32_t> shape, size_t bytes) {
    add(int32_t(shape.size()), int32_t(name.size()), type);
    for (int32_t extent : shape) add(extent);
    bytes_ += name;
    for (size_t i = 0; i < bytes; ++i) bytes_ += static_cast<char>(i);
    return *this;
  }
  template <class... Ints>
  void add(Ints... values) {
    for (int32_t value : {int32_t(values)...}) bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

TEST(RwkvCpp, ReadsTensorsInPlaceWithTheOuterAxisFirst) {
  const std::string bytes =
      Builder().tensor("emb.weight", 1, {32, 3}, 192).tensor("head.weight", 8, {32, 3}, 72).bytes();
  const RwkvCppFile file = RwkvCppFile::parse(as_bytes(bytes), "t.bin");
  EXPECT_EQ(file.version(), 101);
  EXPECT_EQ(file.vocab_size(), 3);
  EXPECT_EQ(file.embed_size(), 32);
  EXPECT_EQ(file.layers(), 1);
  ASSERT_EQ(file.tensors().size(), 2u);
  const TensorView* head = file.find("head.weight");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->shape, (std::vector<int64_t>{3, 32}));
  EXPECT_EQ(head->dtype, DType::kQ5_1);
  EXPECT_EQ(head->bytes, 72);
  EXPECT_EQ(static_cast<int>(head->data[71]), 71);
  EXPECT_EQ(file.find("emb.weight")->dtype, DType::kF16);
  EXPECT_EQ(file.find("blocks.0.ln1.weight"), nullptr);
}

TEST(RwkvCpp, RefusalsNameTheirCause) {
  const auto error = [](const std::string& bytes) {
    return error_message([&] { RwkvCppFile::parse(as_bytes(bytes), "t.bin"); });
  };
  const auto with = [](int32_t type, std::initializer_list<int32_t> shape, size_t bytes) {
    return Builder().tensor("emb.weight", type, shape, bytes).bytes();
  };
  EXPECT_CONTAINS(error("GGUF"), "magic: found \"GGUF\"");
  EXPECT_CONTAINS(error(Builder(99).bytes()), "version: found 99");
  EXPECT_CONTAINS(error(Builder(101, 0).bytes()), "n_vocab: found 0");
  EXPECT_CONTAINS(error(Builder(101, 3, -1).bytes()), "n_embed: found -1");
  EXPECT_CONTAINS(error(Builder(101, 3, 32, INT32_MAX).bytes()), "n_layer: found 2147483647");
  EXPECT_CONTAINS(error(Builder().bytes()), "tensors: found none");
  EXPECT_CONTAINS(error(with(4, {32, 3}, 0)), "tensor 0: found data type 4");
  EXPECT_CONTAINS(error(with(0, {}, 0)), "found 0 axes");
  EXPECT_CONTAINS(error(with(0, {1, 1, 1, 1, 1}, 4)), "found 5 axes");
  EXPECT_CONTAINS(error(with(0, {0, 3}, 0)), "\"emb.weight\": found shape [3, 0]");
  EXPECT_CONTAINS(error(with(0, {-32, 3}, 0)), "found shape [3, -32]");
  EXPECT_CONTAINS(error(with(8, {31, 3}, 72)), "whole blocks of q5_1");
  EXPECT_CONTAINS(error(with(0, {INT32_MAX, INT32_MAX, INT32_MAX}, 9)), "shape [2147483647, 2147483647, 2147483647]");
  EXPECT_CONTAINS(error(with(0, {INT32_MAX, 2}, 9)), "found 9 bytes left");
  EXPECT_CONTAINS(error(with(0, {32, 3}, 383)), "found 383 bytes left");
  EXPECT_CONTAINS(error(Builder().tensor("x", 0, {1}, 4).tensor("x", 0, {1}, 4).bytes()), "\"x\": found two");
  EXPECT_CONTAINS(error(Builder(100).tensor("emb.weight", 8, {32, 3}, 72).bytes()), "q5_1 in a file of version 100");
  EXPECT_EQ(error(Builder(100).tensor("emb.weight", 1, {32, 3}, 192).bytes()), "no error");
  Builder long_name;
  long_name.add(1, INT32_MAX, 0, 1);
  EXPECT_CONTAINS(error(long_name.bytes()), "a name of 2147483647 bytes");
}

TEST(RwkvCpp, ReadsTinyRwkv) {
  const auto folder = shared_path("data/weights/rwkv-tiny");
  if (!folder) GTEST_SKIP() << "no ../shared";
  const RwkvCppFile four = RwkvCppFile::open(*folder / "tiny-rwkv-4v0-660K-FP32.bin");
  int64_t parameters = 0;
  for (const TensorView& tensor : four.tensors()) parameters += tensor.elements();
  EXPECT_EQ(parameters, 661'504);  // the README's number
  EXPECT_EQ(four.version(), 100);
  EXPECT_EQ(four.layers(), 4);
  EXPECT_EQ(four.find("blocks.3.ffn.key.weight")->shape, (std::vector<int64_t>{256, 128}));
  const RwkvCppFile seven = RwkvCppFile::open(*folder / "tiny-rwkv-7v0-834K-Q5_1.bin");
  EXPECT_EQ(seven.find("blocks.1.att.w1")->shape, (std::vector<int64_t>{32, 64}));
  EXPECT_EQ(seven.find("blocks.11.att.key.weight")->dtype, DType::kQ5_1);
}

}  // namespace
}  // namespace orrery::formats
