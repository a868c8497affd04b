// Models that llama.cpp's gguf-split has split.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "orrery/formats/gguf.h"
#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

namespace fs = std::filesystem;
using Type = GgufValue::Type;

class GgufParts : public testing::Test {
 protected:
  /// Three parts of two tensors each, as gguf-split writes them: model metadata in the first alone.
  void SetUp() override {
    for (int i = 0; i < 3; ++i) write_part(i, {fmt::format("t{}", 2 * i), fmt::format("t{}", 2 * i + 1)});
  }

  TensorView tensor(const std::string& name) const {
    return {
        .name = name, .dtype = DType::kI8, .shape = {5}, .data = as_bytes(bytes_).data() + name[1] - '0', .bytes = 5};
  }

  void write_part(int number, const std::vector<std::string>& names, uint64_t count = 3, int64_t all_tensors = 6) {
    GgufMetadata metadata;
    if (number == 0) metadata["general.name"] = GgufValue::string("tiny");
    metadata["split.no"] = {Type::kU16, Type::kU16, static_cast<uint64_t>(number)};
    metadata["split.count"] = {Type::kU16, Type::kU16, count};
    metadata["split.tensors.count"] = GgufValue::i32(static_cast<int32_t>(all_tensors));
    std::vector<TensorView> tensors;
    for (const std::string& name : names) tensors.push_back(tensor(name));
    write_gguf(part(number), metadata, tensors);
  }

  fs::path part(int number) const { return folder_.path() / fmt::format("m-{:05}-of-00003.gguf", number + 1); }
  std::string error() const {
    return error_message([&] { GgufFile::open(part(0)); });
  }

  TemporaryFolder folder_;
  const std::string bytes_ = "0123456789abcdef";
};

TEST_F(GgufParts, AreReadAsOneModel) {
  const GgufFile file = GgufFile::open(part(0));
  std::vector<TensorView> all;
  for (int i = 0; i < 6; ++i) all.push_back(tensor(fmt::format("t{}", i)));
  expect_same_tensors(file.tensors(), all);
  EXPECT_EQ(*file.find("t5")->data, std::byte{'5'});
  EXPECT_EQ(file.files().size(), 3u);
  EXPECT_EQ(file.get_string("general.name"), "tiny");
  write_gguf(folder_.path() / "whole.gguf", file.metadata(), file.tensors());  // must not say that it is split
  expect_same_tensors(GgufFile::open(folder_.path() / "whole.gguf").tensors(), all);
}

TEST_F(GgufParts, MissingPartIsNamed) {
  fs::remove(part(1));
  EXPECT_CONTAINS(error(), "no m-00002-of-00003.gguf beside it");
}

TEST_F(GgufParts, AnotherPartThanTheFirstSaysWhichToGive) {
  EXPECT_CONTAINS(error_message([&] { GgufFile::open(part(1)); }), "give m-00001-of-00003.gguf instead");
}

TEST_F(GgufParts, RenamedAndMixedUpPartsAreRefused) {
  fs::copy_file(part(0), folder_.path() / "renamed.gguf");
  EXPECT_CONTAINS(error_message([&] { GgufFile::open(folder_.path() / "renamed.gguf"); }), "-00001-of-00003.gguf");
  fs::copy_file(part(2), part(1), fs::copy_options::overwrite_existing);
  EXPECT_CONTAINS(error(), "split.no 1 of split.count 3");
  EXPECT_CONTAINS(error(), "m-00002-of-00003.gguf");
  write_part(1, {"t2"});
  EXPECT_CONTAINS(error(), "5 tensors in all 3 parts");
  write_part(1, {"t2", "t5"});
  EXPECT_CONTAINS(error(), "the tensor t5 in two parts");
  write_part(1, {"t2", "t3"}, 4);
  EXPECT_CONTAINS(error(), "split.no 1 of split.count 4");
}

TEST_F(GgufParts, AbsurdCountsEndAtTheFirstMissingPart) {
  const fs::path first = folder_.path() / "x-00001-of-65535.gguf";
  GgufMetadata metadata;
  metadata["split.count"] = {Type::kU16, Type::kU16, uint64_t{65535}};
  write_gguf(first, metadata, {});
  EXPECT_CONTAINS(error_message([&] { GgufFile::open(first); }), "no x-00002-of-65535.gguf");
}

}  // namespace
}  // namespace orrery::formats
