#include "orrery/formats/safetensors.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

std::string lying_file(uint64_t size, const std::string& header, size_t data_bytes) {
  std::string text(8, '\0');
  std::memcpy(text.data(), &size, 8);
  return text + header + std::string(data_bytes, '\1');
}

std::string file_of(const std::string& header, size_t data_bytes) {
  return lying_file(header.size(), header, data_bytes);
}

std::string error_of(const std::string& text) {
  return error_message([&] { SafetensorsFile::parse(as_bytes(text), "t.safetensors"); });
}

std::string one(const std::string& body, size_t data_bytes = 8) {
  return file_of("{\"a\":{" + body + "}}", data_bytes);
}

TEST(Safetensors, ReadsTensorsInPlaceAndMetadata) {
  const std::string text = file_of(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F8_E4M3","shape":[],"data_offsets":[24,25]},)"
      R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"é":{"dtype":"BOOL","shape":[0,4],"data_offsets":[25,25]}}  )",
      25);
  const SafetensorsFile file = SafetensorsFile::parse(as_bytes(text), "t");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.tensors()[0].name, "a");
  EXPECT_EQ(file.tensors()[0].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file.tensors()[0].data, as_bytes(text).data() + text.size() - 25);
  EXPECT_EQ(file.find("b")->dtype, DType::kF8E4M3);
  EXPECT_EQ(file.find("b")->elements(), 1);
  EXPECT_EQ(file.find("é")->bytes, 0);
  EXPECT_EQ(file.find("c"), nullptr);
}

TEST(Safetensors, RefusalsNameTheirCause) {
  EXPECT_CONTAINS(error_of("abc"), "header size: found 3 bytes left");
  EXPECT_CONTAINS(error_of(lying_file(uint64_t{1} << 60, "{}", 0)), "at most 16777216");
  EXPECT_CONTAINS(error_of(lying_file(9, "{}", 0)), "header: found 2 bytes left");
  EXPECT_CONTAINS(error_of(file_of("[]", 0)), "a JSON object");
  EXPECT_CONTAINS(error_of(file_of("{\"a\"", 0)), "a syntax error");
  EXPECT_CONTAINS(error_of(file_of("{\"a\":1}", 0)), "tensor \"a\": found the number 1");
  EXPECT_CONTAINS(error_of(file_of("{\"\xff\":{}}", 0)), "a syntax error");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[2])")), "no data_offsets");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","data_offsets":[0,8])")), "no shape");
  EXPECT_CONTAINS(error_of(one(R"("shape":[2],"data_offsets":[0,8])")), "no dtype");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"C64","shape":[1],"data_offsets":[0,8])")),
                  "dtype \"C64\", expected one of F32");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])")), "room for shape [3] of F32");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])")), "[8, 0]");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])")), "the number -2");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[2.5],"data_offsets":[0,8])")), "the number 2.5");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])")), "a third offset");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8])")), "an array");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[2],"stride":1,"data_offsets":[0,8])")), "\"stride\"");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[[2]],"data_offsets":[0,8])")), "an array");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])")), "room for");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[4,12])", 12)), "at 0, where");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", 7)), "inside the 7 bytes");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", 9)), "the 8 bytes of the tensors");
  EXPECT_CONTAINS(error_of(one(R"("dtype":"U8","shape":[1152921504606846976],"data_offsets":[0,1152921504606846976])")),
                  "inside the 8 bytes");
  EXPECT_CONTAINS(error_of(file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                   R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                                   2)),
                  "the name twice");
  EXPECT_CONTAINS(error_of(file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                   R"("b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                                   2)),
                  "at 2, where");
  EXPECT_CONTAINS(error_of(file_of(R"({"__metadata__":{"a":1}})", 0)), "strings under different keys");
  EXPECT_CONTAINS(error_of(file_of(R"({"__metadata__":{"a":"1","a":"2"}})", 0)), "the key twice");
}

TEST(Safetensors, WritesWhatItReads) {
  const TemporaryFolder folder;
  std::vector<float> floats(6);
  std::iota(floats.begin(), floats.end(), 0.5f);
  const std::vector<TensorView> tensors = {
      {.name = "flag", .dtype = DType::kBool, .shape = {}, .data = as_bytes("\1").data(), .bytes = 1},
      {.name = "w",
       .dtype = DType::kF32,
       .shape = {2, 3},
       .data = reinterpret_cast<std::byte*>(floats.data()),
       .bytes = 24},
      {.name = "nothing", .dtype = DType::kI64, .shape = {0}, .data = nullptr, .bytes = 0}};
  write_safetensors(folder.path() / "t.safetensors", tensors, {{"format", "pt"}, {"quote", "\"\n"}});
  const SafetensorsFile file = SafetensorsFile::open(folder.path() / "t.safetensors");
  EXPECT_EQ(file.metadata().at("quote"), "\"\n");
  expect_same_tensors(file.tensors(), tensors);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.find("w")->data) % 4, 0u);

  write_safetensors(folder.path() / "none.safetensors", {});
  EXPECT_TRUE(SafetensorsFile::open(folder.path() / "none.safetensors").tensors().empty());
}

TEST(Safetensors, ShardedRoundTrip) {
  const TemporaryFolder folder;
  const std::string bytes(40, '\7');
  std::vector<TensorView> tensors;
  for (const char* name : {"a", "b", "c", "d"}) {
    tensors.push_back({.name = name, .dtype = DType::kU8, .shape = {10}, .data = as_bytes(bytes).data(), .bytes = 10});
  }
  tensors.push_back({.name = "big", .dtype = DType::kU8, .shape = {40}, .data = as_bytes(bytes).data(), .bytes = 40});
  write_safetensors_sharded(folder.path(), "model", tensors, 25);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "model-00003-of-00003.safetensors"));
  const auto index = folder.path() / "model.safetensors.index.json";
  const SafetensorsFile file = SafetensorsFile::open(index);
  expect_same_tensors(file.tensors(), tensors);
  EXPECT_EQ(file.files().size(), 3u);

  std::filesystem::copy_file(folder.path() / "model-00001-of-00003.safetensors",
                             folder.path() / "model-00002-of-00003.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_CONTAINS(error_message([&] { SafetensorsFile::open(index); }), "as the index says");
  std::filesystem::remove(folder.path() / "model-00002-of-00003.safetensors");
  EXPECT_CONTAINS(error_message([&] { SafetensorsFile::open(index); }), "model-00002-of-00003.safetensors");
}

TEST(Safetensors, IndexCannotLeaveItsFolderNorLie) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "s.safetensors", {});
  const auto open = [&](const std::string& json) {
    return error_message([&] { SafetensorsFile::open(folder.write("i.safetensors.index.json", json)); });
  };
  EXPECT_CONTAINS(open(R"({"weight_map":{"a":"../s.safetensors"}})"), "file in the same folder");
  EXPECT_CONTAINS(open(R"({"weight_map":{"a":"/etc/passwd"}})"), "file in the same folder");
  EXPECT_CONTAINS(open(R"({"weight_map":{"a":"s.safetensors"}})"), "no tensor \"a\" in \"s.safetensors\"");
  EXPECT_CONTAINS(open(R"({"weight_map":{"a":"s.safetensors","a":"s.safetensors"}})"), "the tensor twice");
  EXPECT_CONTAINS(open(R"({"weight_map":{"a":["s"]}})"), "an array");
  EXPECT_CONTAINS(open(R"({"metadata":{"total_size":[1,{"x":null}]}})"), "no weight_map");
  EXPECT_CONTAINS(open("[]"), "an array");
  EXPECT_CONTAINS(open("{"), "a syntax error");
}

TEST(Safetensors, ReadsShardedGoldenLikeItsSingleShards) {
  const auto folder = shared_path("golden/text/llama-sharded");
  if (!folder) GTEST_SKIP() << "no ../shared";
  const SafetensorsFile all = SafetensorsFile::open(*folder / "model.safetensors.index.json");
  size_t count = 0;
  for (const MappedFile& mapped : all.files()) {
    const SafetensorsFile shard = SafetensorsFile::open(mapped.path());
    for (const TensorView& tensor : shard.tensors()) {
      ++count;
      ASSERT_NE(all.find(tensor.name), nullptr);
      expect_same_tensors({*all.find(tensor.name)}, {tensor});
    }
  }
  EXPECT_EQ(count, all.tensors().size());
}

}  // namespace
}  // namespace orrery::formats
