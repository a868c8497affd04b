#include "orrery/text/convert/quantize_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "orrery/formats/gguf.h"
#include "orrery/kernels/quantize/quantize.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/convert/convert.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {

namespace {
/// A model whose rows are whole blocks of 256, as F32 GGUF.
class QuantizeFile : public testing::Test {
 protected:
  QuantizeFile() {
    write_tiny_model(folder_.path(),
                     tiny_config({{"hidden_size", 256}, {"intermediate_size", 512}, {"num_hidden_layers", 3}}));
    convert_to_gguf(folder_.path().string(), folder_ / "f32.gguf", {.type = "F32"});
  }
  std::string quantize(const std::string& from, const std::string& to, const QuantizeOptions& options) {
    return error_of([&] { summary_ = quantize_file(folder_ / from, folder_ / to, options); });
  }
  std::vector<float> values(const formats::GgufFile& file, const std::string& name) {
    const TensorView& tensor = *file.find(name);
    std::vector<float> result(tensor.elements());
    kernels::dequantize(tensor.dtype, {tensor.data, size_t(tensor.bytes)}, result);
    return result;
  }
  TempFolder folder_;
  QuantizeSummary summary_;
};

TEST_F(QuantizeFile, TypesFollowTheMixtureAndValuesStayClose) {
  ASSERT_EQ(quantize("f32.gguf", "q.gguf", {.type = "Q4_K_M"}), "no error");
  const auto before = formats::GgufFile::open(folder_ / "f32.gguf"),
             after = formats::GgufFile::open(folder_ / "q.gguf");
  EXPECT_EQ(after.find("blk.0.attn_q.weight")->dtype, DType::kQ4_K);
  EXPECT_EQ(after.find("output.weight")->dtype, DType::kQ6_K);
  EXPECT_EQ(after.find("output_norm.weight")->dtype, DType::kF32);
  EXPECT_EQ(after.get_int("general.file_type"), 15);
  EXPECT_EQ(after.get_int("general.quantization_version"), 2);
  EXPECT_EQ(after.get_string("general.name"), before.get_string("general.name"));
  EXPECT_EQ(summary_.tensors.at(DType::kF32), 7);
  // Values lie in [-1, 1]: sixteen steps of a block's range are 1/8 apart, six bits' 1/32.
  for (const auto& [tensor, step] : {std::pair{"blk.0.attn_q.weight", 0.125}, std::pair{"output.weight", 0.04}}) {
    const auto a = values(before, tensor), b = values(after, tensor);
    for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], step) << tensor << " " << i;
  }
  EXPECT_EQ(Checkpoint::open((folder_ / "q.gguf").string())->spec().layers, 3);
}

TEST_F(QuantizeFile, SameBytesOnAnyNumberOfThreads) {
  ASSERT_EQ(quantize("f32.gguf", "one.gguf", {.type = "Q5_K_M", .threads = 1}), "no error");
  ASSERT_EQ(quantize("f32.gguf", "four.gguf", {.type = "Q5_K_M", .threads = 4}), "no error");
  EXPECT_EQ(read_text(folder_ / "one.gguf"), read_text(folder_ / "four.gguf"));
}

TEST_F(QuantizeFile, RequantisesOnlyWhenAsked) {
  ASSERT_EQ(quantize("f32.gguf", "q8.gguf", {.type = "Q8_0"}), "no error");
  expect_contains(quantize("q8.gguf", "q4.gguf", {.type = "Q4_0"}),
                  {"q8_0", "tensor token_embd.weight", "requantising"});
  EXPECT_FALSE(std::filesystem::exists(folder_ / "q4.gguf"));
  EXPECT_EQ(quantize("q8.gguf", "q4.gguf", {.type = "Q4_0", .allow_requantize = true}), "no error");
  EXPECT_EQ(quantize("q8.gguf", "same.gguf", {.type = "Q8_0"}), "no error");  // nothing changes its type
}

TEST_F(QuantizeFile, RefusesItsOwnInputAndUnknownTypes) {
  expect_contains(quantize("f32.gguf", "f32.gguf", {.type = "Q8_0"}), {"another file"});
  expect_contains(quantize("f32.gguf", "x.gguf", {.type = "Q3"}), {"Q3", "Q4_K_M"});
  expect_contains(quantize("config.json", "x.gguf", {.type = "Q8_0"}), {"config.json"});
}

TEST_F(QuantizeFile, ProgressGrowsToTheWhole) {
  std::vector<int64_t> seen;
  int64_t whole = 0;
  QuantizeOptions options{.type = "F16"};
  options.progress = [&](int64_t done, int64_t total) { seen.push_back(done), whole = total; };
  ASSERT_EQ(quantize("f32.gguf", "f16.gguf", options), "no error");
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), whole);
  EXPECT_EQ(whole, summary_.input_bytes);
}

}  // namespace
}  // namespace orrery::text
