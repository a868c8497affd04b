#include "orrery/formats/gguf.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"
#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

/// Bytes of a GGUF file, field by field.
struct Bytes {
  std::string text;
  template <class T>
  Bytes& add(T value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& string(std::string_view value) {
    add<uint64_t>(value.size());
    text += value;
    return *this;
  }
  Bytes& header(uint64_t tensors, uint64_t metadata, uint32_t version = 3) {
    text += "GGUF";
    return add(version).add(tensors).add(metadata);
  }
  Bytes& tensor(std::string_view name, std::vector<uint64_t> extents, uint32_t type, uint64_t offset) {
    string(name).add<uint32_t>(extents.size());
    for (uint64_t extent : extents) add(extent);
    return add(type).add(offset);
  }
  Bytes& data(size_t size) {
    text.resize((text.size() + 31) / 32 * 32 + size, '\0');
    return *this;
  }
  GgufFile parse() const { return GgufFile::parse(as_bytes(text), "test.gguf"); }
};

std::string error_of(const Bytes& bytes) {
  return error_message([&] { bytes.parse(); });
}

TEST(Gguf, ReadsEveryMetadataType) {
  Bytes bytes;
  bytes.header(0, 14);
  bytes.string("u8").add<uint32_t>(0).add<uint8_t>(200);
  bytes.string("i8").add<uint32_t>(1).add<int8_t>(-3);
  bytes.string("u16").add<uint32_t>(2).add<uint16_t>(65535);
  bytes.string("i16").add<uint32_t>(3).add<int16_t>(-300);
  bytes.string("u32").add<uint32_t>(4).add<uint32_t>(4000000000u);
  bytes.string("i32").add<uint32_t>(5).add<int32_t>(-70000);
  bytes.string("f32").add<uint32_t>(6).add<float>(0.5f);
  bytes.string("bool").add<uint32_t>(7).add<uint8_t>(1);
  bytes.string("string").add<uint32_t>(8).string("héllo");
  bytes.string("strings").add<uint32_t>(9).add<uint32_t>(8).add<uint64_t>(2).string("a").string("");
  bytes.string("nested").add<uint32_t>(9).add<uint32_t>(9).add<uint64_t>(2);
  bytes.add<uint32_t>(3).add<uint64_t>(2).add<int16_t>(-1).add<int16_t>(2);
  bytes.add<uint32_t>(6).add<uint64_t>(1).add<float>(1.5f);
  bytes.string("u64").add<uint32_t>(10).add<uint64_t>(UINT64_MAX);
  bytes.string("i64").add<uint32_t>(11).add<int64_t>(INT64_MIN);
  bytes.string("f64").add<uint32_t>(12).add<double>(1e300);
  const GgufFile file = bytes.parse();
  EXPECT_EQ(file.get_int("u8"), 200);
  EXPECT_EQ(file.get_int("i8"), -3);
  EXPECT_EQ(file.get_int("u16"), 65535);
  EXPECT_EQ(file.get_int("i16"), -300);
  EXPECT_EQ(file.get_int("u32"), 4000000000);
  EXPECT_EQ(file.get_int("i32"), -70000);
  EXPECT_EQ(file.get_float("f32"), 0.5);
  EXPECT_EQ(file.get_float("u8"), 200.0);
  EXPECT_EQ(file.get_bool("bool"), true);
  EXPECT_EQ(file.get_string("string"), "héllo");
  EXPECT_EQ(*file.get_strings("strings"), (std::vector<std::string_view>{"a", ""}));
  const auto& nested = std::get<GgufValue::Array>(file.metadata().at("nested").value);
  ASSERT_EQ(nested.size(), 2u);
  EXPECT_EQ(std::get<std::vector<int64_t>>(nested[0].value), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(std::get<std::vector<double>>(nested[1].value), std::vector<double>{1.5});
  EXPECT_EQ(std::get<uint64_t>(file.metadata().at("u64").value), UINT64_MAX);
  EXPECT_EQ(file.get_int("i64"), INT64_MIN);
  EXPECT_EQ(file.get_float("f64"), 1e300);
  EXPECT_EQ(file.get_int("absent"), std::nullopt);
  EXPECT_EQ(file.get_strings("absent"), nullptr);
  EXPECT_EQ(error_message([&] { file.get_int("string"); }),
            "cannot read a GGUF file: test.gguf, metadata \"string\": found string, expected an integer below 2^63");
  EXPECT_EQ(error_message([&] { file.get_floats("strings"); }),
            "cannot read a GGUF file: test.gguf, metadata \"strings\": found an array of string, expected an array of "
            "floats");
}

TEST(Gguf, TensorsComeRowMajorAndInPlace) {
  Bytes bytes;
  bytes.header(2, 0, 2).tensor("a", {32, 3}, 2, 0).tensor("b", {2, 1, 5}, 0, 64).data(104);
  const GgufFile file = bytes.parse();
  EXPECT_EQ(file.version(), 2u);
  const TensorView* a = file.find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->dtype, DType::kQ4_0);
  EXPECT_EQ(a->shape, (std::vector<int64_t>{3, 32}));
  EXPECT_EQ(a->bytes, 3 * 18);
  const TensorView* b = file.find("b");
  EXPECT_EQ(b->shape, (std::vector<int64_t>{5, 1, 2}));
  EXPECT_EQ(b->data, a->data + 64);
  EXPECT_EQ(b->data + b->bytes, as_bytes(bytes.text).data() + bytes.text.size());
  EXPECT_EQ(file.find("c"), nullptr);
}

TEST(Gguf, RefusalsNameTheirCause) {
  EXPECT_CONTAINS(error_of({"GGML"}), "magic: found \"GGML\"");
  EXPECT_CONTAINS(error_of({""}), "magic: found 0 bytes left");
  EXPECT_CONTAINS(error_of(Bytes{}.header(0, 0, 1)), "version: found 1, expected 2 or 3");
  EXPECT_CONTAINS(error_of(Bytes{}.header(0, 0, 0x03000000)), "found a big-endian file");
  EXPECT_CONTAINS(error_of(Bytes{}.header(uint64_t{1} << 60, 0)), "tensor count");
  EXPECT_CONTAINS(error_of(Bytes{}.header(0, uint64_t{1} << 60)), "metadata count");
  EXPECT_CONTAINS(error_of(Bytes{}.header(0, 1).string("k").add<uint32_t>(13).add<uint64_t>(0)), "value type 13");
  EXPECT_CONTAINS(error_of(Bytes{}.header(0, 1).string("k").add<uint32_t>(8).add<uint64_t>(UINT64_MAX)),
                  "metadata \"k\"");
  EXPECT_CONTAINS(
      error_of(Bytes{}.header(0, 1).string("k").add<uint32_t>(9).add<uint32_t>(12).add<uint64_t>(uint64_t{1} << 61)),
      "2305843009213693952 × 8 bytes");
  EXPECT_CONTAINS(
      error_of(
          Bytes{}.header(0, 2).string("k").add<uint32_t>(0).add<uint8_t>(1).string("k").add<uint32_t>(0).add<uint8_t>(
              1)),
      "the key twice");
  EXPECT_CONTAINS(error_of(Bytes{}.header(2, 0).tensor("t", {1}, 0, 0).tensor("t", {1}, 0, 32).data(64)),
                  "the name twice");
  EXPECT_CONTAINS(error_of(Bytes{}.header(1, 0).tensor("t", {1, 1, 1, 1, 1}, 0, 0).data(64)), "5 axes");
  EXPECT_CONTAINS(error_of(Bytes{}.header(1, 0).tensor("t", {32}, 31, 0).data(64)), "ggml type 31");
  EXPECT_CONTAINS(error_of(Bytes{}.header(1, 0).tensor("t", {31}, 2, 0).data(64)), "whole 32-element blocks");
  EXPECT_CONTAINS(error_of(Bytes{}.header(1, 0).tensor("t", {1u << 31, 1u << 31, 4}, 0, 0).data(64)), "product");
  EXPECT_CONTAINS(error_of(Bytes{}.header(1, 0).tensor("t", {uint64_t{1} << 40, uint64_t{1} << 40, 0}, 0, 0).data(64)),
                  "product");
  EXPECT_CONTAINS(error_of(Bytes{}.header(1, 0).tensor("t", {uint64_t{1} << 60}, 24, 0).data(64)),
                  "inside the 64 bytes");
  EXPECT_CONTAINS(error_of(Bytes{}.header(1, 0).tensor("t", {1}, 0, uint64_t{1} << 63).data(64)),
                  "inside the 64 bytes");
  EXPECT_CONTAINS(error_of(Bytes{}.header(1, 0).tensor("t", {1}, 0, 4).data(64)), "a multiple of 32");
  EXPECT_CONTAINS(error_of(Bytes{}.header(0, 1).string("general.alignment").add<uint32_t>(4).add<uint32_t>(0)),
                  "power of two");
  EXPECT_CONTAINS(error_of(Bytes{}.header(0, 1).string("\n\xff").add<uint32_t>(99)), "\"\\x0a\\xff\"");
}

TEST(Gguf, EveryGgmlTypeHasADtypeAndBack) {
  int known = 0;
  for (uint32_t type = 0; type < 64; ++type) {
    if (const auto dtype = dtype_from_ggml_type(type)) {
      ++known;
      EXPECT_EQ(ggml_type_from_dtype(*dtype), type);
    }
  }
  EXPECT_EQ(known, 35);
  EXPECT_EQ(ggml_type_from_dtype(DType::kF8E4M3), std::nullopt);
}

TEST(Gguf, ReadsStories260K) {
  const auto path = shared_path("data/weights/stories260K/stories260K.gguf");
  if (!path) GTEST_SKIP() << "no ../shared";
  const GgufFile file = GgufFile::open(*path);
  EXPECT_EQ(file.get_string("general.architecture"), "llama");
  const TensorView* embedding = file.find("token_embd.weight");
  ASSERT_NE(embedding, nullptr);
  EXPECT_EQ(embedding->shape, (std::vector<int64_t>{512, 64}));
  EXPECT_EQ(file.get_strings("tokenizer.ggml.tokens")->size(), 512u);
}

TEST(Gguf, ReadsSmolLm2) {
  const auto path = cached_model("SmolLM2-135M-Instruct.Q4_1.gguf");
  if (!path) GTEST_SKIP() << "SmolLM2 is not in the cache; `make run` fetches it";
  const GgufFile file = GgufFile::open(*path);
  EXPECT_EQ(file.tensors().size(), 272u);
  EXPECT_EQ(file.get_strings("tokenizer.ggml.tokens")->size(), 49152u);
  EXPECT_EQ(file.find("blk.29.ffn_down.weight")->shape, (std::vector<int64_t>{576, 1536}));
}

}  // namespace
}  // namespace orrery::formats
