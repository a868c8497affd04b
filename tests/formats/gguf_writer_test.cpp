#include <gtest/gtest.h>

#include "orrery/formats/gguf.h"
#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

using Type = GgufValue::Type;

TEST(GgufWriter, WritesWhatItReads) {
  const TemporaryFolder folder;
  GgufMetadata metadata;
  metadata["general.alignment"] = GgufValue::u32(64);
  metadata["u8"] = {Type::kU8, Type::kU8, uint64_t{255}};
  metadata["i8"] = {Type::kI8, Type::kI8, int64_t{-128}};
  metadata["u16"] = {Type::kU16, Type::kU16, uint64_t{65535}};
  metadata["i16"] = {Type::kI16, Type::kI16, int64_t{-5}};
  metadata["i32"] = GgufValue::i32(-6);
  metadata["u64"] = {Type::kU64, Type::kU64, UINT64_MAX};
  metadata["i64"] = {Type::kI64, Type::kI64, INT64_MIN};
  metadata["f32"] = GgufValue::f32(0.1f);
  metadata["f64"] = {Type::kF64, Type::kF64, 0.1};
  metadata["bool"] = GgufValue::boolean(true);
  metadata["string"] = GgufValue::string("häß\n");
  metadata["strings"] = GgufValue::strings({"", "a", "bc"});
  metadata["ints"] = GgufValue::i32s({1, -2});
  metadata["floats"] = GgufValue::f32s({0.5, -1});
  metadata["bools"] = {Type::kArray, Type::kBool, std::vector<int64_t>{1, 0}};
  metadata["u64s"] = {Type::kArray, Type::kU64, std::vector<int64_t>{-1}};
  metadata["nested"] = {Type::kArray, Type::kArray, GgufValue::Array{GgufValue::i32s({1}), GgufValue::strings({"x"})}};
  const std::string bytes(200, '\x5a');
  const std::vector<TensorView> tensors = {
      {.name = "q", .dtype = DType::kQ4_K, .shape = {1, 256}, .data = as_bytes(bytes).data(), .bytes = 144},
      {.name = "f", .dtype = DType::kF32, .shape = {5, 2, 3}, .data = as_bytes(bytes).data(), .bytes = 120},
      {.name = "empty", .dtype = DType::kF16, .shape = {0, 4}, .data = nullptr, .bytes = 0},
      {.name = "scalar", .dtype = DType::kI8, .shape = {}, .data = as_bytes(bytes).data(), .bytes = 1}};
  write_gguf(folder.path() / "t.gguf", metadata, tensors);
  const GgufFile file = GgufFile::open(folder.path() / "t.gguf");
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(file.alignment(), 64);
  expect_same_tensors(file.tensors(), tensors);
  ASSERT_EQ(file.metadata().size(), metadata.size());
  for (const auto& [key, value] : metadata) {
    const GgufValue& got = file.metadata().at(key);
    EXPECT_EQ(got.type, value.type) << key;
    if (key == "nested") {
      EXPECT_EQ(std::get<std::vector<int64_t>>(std::get<GgufValue::Array>(got.value)[0].value),
                std::vector<int64_t>{1});
    } else if (key == "f32") {
      EXPECT_EQ(std::get<double>(got.value), double{0.1f});
    } else {
      EXPECT_TRUE(std::visit(
          [](const auto& a, const auto& b) {
            if constexpr (std::is_same_v<decltype(a), decltype(b)> &&
                          !std::is_same_v<decltype(a), const GgufValue::Array&>)
              return a == b;
            return false;
          },
          got.value, value.value))
          << key;
    }
  }
  write_gguf(folder.path() / "again.gguf", file.metadata(), file.tensors());
  EXPECT_EQ(read_text(folder.path() / "again.gguf"), read_text(folder.path() / "t.gguf"));
}

TEST(GgufWriter, TakesTensorsFromASourceOneAtATime) {
  const TemporaryFolder folder;
  std::vector<TensorView> described = {{.name = "a", .dtype = DType::kI8, .shape = {4}, .bytes = 4},
                                       {.name = "b", .dtype = DType::kI8, .shape = {4}, .bytes = 4}};
  std::string buffer;
  write_gguf(folder.path() / "t.gguf", {}, described, [&](const TensorView& tensor) {
    buffer = std::string(4, tensor.name[0]);
    return as_bytes(buffer);
  });
  const GgufFile file = GgufFile::open(folder.path() / "t.gguf");
  EXPECT_EQ(static_cast<char>(file.find("b")->data[3]), 'b');
}

TEST(GgufWriter, RefusalsLeaveNothingBehind) {
  const TemporaryFolder folder;
  const auto error = [&](const GgufMetadata& metadata, const std::vector<TensorView>& tensors) {
    return error_message([&] { write_gguf(folder.path() / "t.gguf", metadata, tensors); });
  };
  const std::string bytes(256, 'x');
  const auto tensor = [&](std::string name, DType dtype, std::vector<int64_t> shape, int64_t size) {
    return TensorView{.name = name, .dtype = dtype, .shape = shape, .data = as_bytes(bytes).data(), .bytes = size};
  };
  EXPECT_CONTAINS(error({{"k", {Type::kU8, Type::kU8, uint64_t{256}}}}, {}),
                  "metadata \"k\": found 256, expected an integer of 8 bits");
  EXPECT_CONTAINS(error({{"k", {Type::kU8, Type::kU8, int64_t{1}}}}, {}), "another kind than its type");
  EXPECT_CONTAINS(error({{"general.alignment", GgufValue::u32(48)}}, {}), "a power of two");
  EXPECT_CONTAINS(error({}, {tensor("a", DType::kF8E4M3, {4}, 4)}), "f8e4m3");
  EXPECT_CONTAINS(error({}, {tensor("a", DType::kI8, {1, 1, 1, 1, 1}, 1)}), "at most 4 axes");
  EXPECT_CONTAINS(error({}, {tensor(std::string(64, 'a'), DType::kI8, {1}, 1)}), "a name of 64 bytes");
  EXPECT_CONTAINS(error({}, {tensor("a", DType::kI8, {1}, 1), tensor("a", DType::kI8, {1}, 1)}), "taken");
  EXPECT_CONTAINS(error({}, {tensor("a", DType::kQ4_0, {33}, 18)}), "found 18 bytes");
  EXPECT_CONTAINS(error_message([&] {
                    write_gguf(folder.path() / "t.gguf", {}, std::vector{tensor("a", DType::kI8, {1}, 1)},
                               [](const TensorView&) { return std::span<const std::byte>(); });
                  }),
                  "found 0 bytes");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace orrery::formats
