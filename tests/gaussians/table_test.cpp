// Rows that come and go in place.
#include "orrery/scene/gaussians/table.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "orrery/base/error.h"
#include "orrery/scene/gaussians/growing_memory.h"
#include "orrery/scene/gaussians/settings.h"
#include "tests/sanitized.h"
#include "tests/text/tiny_model.h"

namespace orrery::scene {
namespace {

/// Row i of every tensor is full of i, and of 100 and 1000 more.
GaussianTable numbered(int64_t rows) {
  const at::Tensor i = at::arange(rows, at::kFloat);
  GaussianTable table({{"opacity_logits", i}, {"sh", i.view({rows, 1, 1}).expand({rows, 4, 3})}});
  for (const auto& [name, column] : table.columns()) {
    column.m.copy_(column.value.detach() + 100);
    column.v.copy_(column.value.detach() + 1000);
  }
  return table;
}

/// What numbers[i] says of row i of values and both moments; a moment of a row that came is 0.
void expect_rows(const GaussianTable& table, const std::vector<float>& numbers, size_t came) {
  const auto count = static_cast<int64_t>(numbers.size());
  ASSERT_EQ(table.size(), count);
  for (const auto& [name, column] : table.columns()) {
    EXPECT_TRUE(column.value.requires_grad());
    EXPECT_FALSE(column.value.grad().defined());
    for (int64_t i = 0; i < count; ++i) {
      const float number = numbers[static_cast<size_t>(i)];
      const bool is_new = i >= count - static_cast<int64_t>(came);
      EXPECT_TRUE(column.value[i].eq(number).all().item<bool>()) << name << ", row " << i;
      EXPECT_TRUE(column.m[i].eq(is_new ? 0 : number + 100).all().item<bool>()) << name << ", row " << i;
      EXPECT_TRUE(column.v[i].eq(is_new ? 0 : number + 1000).all().item<bool>()) << name << ", row " << i;
    }
  }
}

TEST(GaussianTable, RowsComeAndGo) {
  GaussianTable table = numbered(6);
  const at::Tensor held = table["sh"].value;  // as the optimizer holds it
  table["sh"].value.mutable_grad() = at::zeros_like(held.detach());
  table.append(at::tensor({4, 1, 4}, at::kLong));
  expect_rows(table, {0, 1, 2, 3, 4, 5, 4, 1, 4}, 3);
  table.select(at::tensor({0, 2, 5, 7, 8}, at::kLong));
  expect_rows(table, {0, 2, 5, 1, 4}, 2);
  table.append(at::tensor({2}, at::kLong));  // where others were: moments are 0 all the same
  expect_rows(table, {0, 2, 5, 1, 4, 5}, 3);
  EXPECT_EQ(held.size(0), 6);
  EXPECT_EQ(held.const_data_ptr(), table["sh"].value.const_data_ptr());
  table.select(at::empty({0}, at::kLong));
  EXPECT_EQ(table.size(), 0);
  table.resize(3);
  expect_rows(table, {0, 0, 0}, 3);
}

TEST(GaussianTable, ItsValuesAreItsOwn) {
  const at::Tensor given = at::ones({2, 3});
  const GaussianTable table({{"means", given}});
  given.zero_();
  EXPECT_TRUE(table["means"].value.eq(1).all().item<bool>());
}

/// Bytes of memory that this process had at once, since the last call.
int64_t peak_bytes() {
  int64_t kilobytes = 0;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) kilobytes = std::stoll(line.substr(6));
  std::ofstream("/proc/self/clear_refs") << 5 << std::flush;
  return 1024 * kilobytes;
}

TEST(GaussianTable, GrowsAndShrinksWithoutASecondCopy) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's memory counts too";
  constexpr int64_t kRows = 100'000, kBytes = 3 * 4 * 48 * kRows;  // 58 MB
  GaussianTable table({{"sh", at::ones({kRows, 16, 3})}});
  peak_bytes();
  table.append(at::arange(kRows / 10));
  const int64_t before = peak_bytes();
  if (peak_bytes() > before) GTEST_SKIP() << "this system does not forget peaks";
  table.append(at::arange(kRows / 10));
  EXPECT_LT(peak_bytes() - before, kBytes / 5);  // a tenth; with a copy it were more than one
  table.select(at::arange(kRows / 2, kRows));
  EXPECT_LT(peak_bytes() - before, kBytes / 5);
  EXPECT_TRUE(table["sh"].value.eq(1).all().item<bool>());
}

// 1,168 bytes at degree 3 is the most that bench/scene --only memory has measured.
TEST(GaussiansWithin, CountsWhatOneTakes) {
  EXPECT_EQ(gaussians_within("1.168G", 3), 1'000'000);
  EXPECT_EQ(gaussians_within("628M", 0), 1'000'000);
  EXPECT_EQ(gaussians_within("1000", 3), 1);
  EXPECT_EQ(gaussians_within("", 3), 0);
  EXPECT_THROW(gaussians_within("4Q", 3), Error);
}

TEST(GrowingMemory, KeepsWhatIsThereAndBeginsWithZeros) {
  GrowingMemory memory;
  memory.reserve(100);
  auto* bytes = static_cast<unsigned char*>(memory.data());
  std::fill_n(bytes, 100, 7);
  memory.reserve(size_t{64} << 20);
  bytes = static_cast<unsigned char*>(memory.data());
  EXPECT_TRUE(std::all_of(bytes, bytes + 100, [](unsigned char byte) { return byte == 7; }));
  EXPECT_EQ(bytes[(size_t{64} << 20) - 1], 0);
  memory.reserve(10);
  EXPECT_EQ(memory.data(), bytes);
  try {
    memory.reserve(size_t{1} << 60);
    FAIL();
  } catch (const Error& error) {
    text::expect_contains(error.what(), {"room for Gaussians", "1152921504606846976 bytes", "max_gaussians"});
  }
  EXPECT_EQ(static_cast<unsigned char*>(memory.data())[99], 7);
}

}  // namespace
}  // namespace orrery::scene
