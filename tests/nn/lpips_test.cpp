// LPIPS by the numbers of its authors' package, of weights and pictures that a formula makes
// (scripts/lpips_numbers.py).
#include "orrery/nn/lpips.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "orrery/formats/safetensors.h"
#include "orrery/nn/from_view.h"
#include "tests/text/tiny_model.h"

namespace orrery::nn {
namespace {

using Named = std::map<std::string, at::Tensor>;

/// Numbers of -1…1, a hash of their place.
at::Tensor formula(at::IntArrayRef shape, uint32_t salt, double bound) {
  const at::Tensor tensor = at::empty(shape);
  auto* values = tensor.data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    uint32_t x = static_cast<uint32_t>(i) + salt * 0x9E3779B9u;
    for (int round = 0; round < 2; ++round) x = (x ^ (x >> 16)) * 0x45D9F3Bu;
    x ^= x >> 16;
    values[i] = (static_cast<float>(x >> 8) / 8388608.f - 1) * static_cast<float>(bound);
  }
  return tensor;
}

void add_convolution(Named& weights, int number, int64_t inputs, int64_t outputs, int64_t kernel) {
  const std::string name = "features." + std::to_string(number);
  const double fan_in = static_cast<double>(inputs * kernel * kernel);
  weights[name + ".weight"] =
      formula({outputs, inputs, kernel, kernel}, static_cast<uint32_t>(2 * number), std::sqrt(6 / fan_in));
  weights[name + ".bias"] = formula({outputs}, static_cast<uint32_t>(2 * number + 1), 0.1);
}

Named alexnet() {
  Named weights;
  add_convolution(weights, 0, 3, 64, 11);
  add_convolution(weights, 3, 64, 192, 5);
  add_convolution(weights, 6, 192, 384, 3);
  add_convolution(weights, 8, 384, 256, 3);
  add_convolution(weights, 10, 256, 256, 3);
  weights["classifier.6.bias"] = at::zeros({1000});
  return weights;
}

Named vgg16() {
  Named weights;
  int number = 0;
  int64_t inputs = 3;
  for (const auto& [outputs, count] : {std::pair<int64_t, int>{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}) {
    for (int i = 0; i < count; ++i, number += 2, inputs = outputs) add_convolution(weights, number, inputs, outputs, 3);
    ++number;  // the maximum between
  }
  return weights;
}

Named lines_of(std::vector<int64_t> channels) {
  Named weights;
  for (size_t k = 0; k < channels.size(); ++k)
    weights["lin" + std::to_string(k) + ".model.1.weight"] =
        formula({1, channels[k], 1, 1}, static_cast<uint32_t>(100 + k), 0.5) + 0.5;
  return weights;
}
const std::vector<int64_t> kOfAlex = {64, 192, 384, 256, 256}, kOfVgg = {64, 128, 256, 512, 512};

class LpipsTest : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, const Named& tensors) const {
    std::vector<TensorView> views;
    for (const auto& [key, tensor] : tensors) views.push_back(view_from_tensor(tensor, key));
    const std::filesystem::path path = folder_ / (name + ".safetensors");
    formats::write_safetensors(path, views);
    return path;
  }
  Lpips open(const Named& network, const Named& lines) const {
    return Lpips::open(std::vector{file("network", network), file("lines", lines)});
  }
  void expect_refusal(const Named& network, const Named& lines, const std::vector<std::string>& parts) const {
    text::expect_contains(text::error_of([&] { open(network, lines); }), parts);
  }

  text::TempFolder folder_;
};

std::vector<float> picture(int width, int height, uint32_t salt) {
  const at::Tensor values = formula({3 * width * height}, salt, 0.5) + 0.5;
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

struct Expected {
  int width, height;
  double whole, quarter;  ///< of two pictures; of the first and it moved a quarter towards the other
};

void expect_numbers(const Lpips& lpips, const std::vector<Expected>& all) {
  for (const Expected& expected : all) {
    const std::vector<float> a = picture(expected.width, expected.height, 200),
                             b = picture(expected.width, expected.height, 201);
    std::vector<float> between = a;
    for (size_t i = 0; i < a.size(); ++i) between[i] += 0.25f * (b[i] - a[i]);
    constexpr double kRounding = 2e-6;  // sums of up to 4,608 products, in another order than theirs
    EXPECT_NEAR(lpips(expected.width, expected.height, a, b), expected.whole, kRounding * expected.whole);
    EXPECT_NEAR(lpips(expected.width, expected.height, a, between), expected.quarter, kRounding * expected.quarter);
    EXPECT_EQ(lpips(expected.width, expected.height, a, a), 0);
  }
}

TEST_F(LpipsTest, AlexIsThePackages) {
  const Lpips lpips = open(alexnet(), lines_of(kOfAlex));
  EXPECT_EQ(lpips.network(), "alex");
  expect_numbers(lpips, {{64, 48, 0.986185074, 0.0964784473}, {67, 45, 0.978514314, 0.103658564}});
}

TEST_F(LpipsTest, VggIsThePackages) {
  const Lpips lpips = open(vgg16(), lines_of(kOfVgg));
  EXPECT_EQ(lpips.network(), "vgg");
  expect_numbers(lpips, {{64, 48, 0.721918881, 0.0935862288}, {67, 45, 0.724438608, 0.0918368995}});
}

TEST_F(LpipsTest, AWholeOneInOneFileIsTheSame) {
  const Lpips two = open(alexnet(), lines_of(kOfAlex));
  Named whole = lines_of(kOfAlex);
  for (const auto& [name, tensor] : lines_of(kOfAlex)) whole["lins." + name.substr(3)] = tensor;
  whole["scaling_layer.shift"] = at::zeros({1, 3, 1, 1});
  const std::map<std::string, std::string> slices = {{"0", "1"}, {"3", "2"}, {"6", "3"}, {"8", "4"}, {"10", "5"}};
  for (const auto& [name, tensor] : alexnet()) {
    if (name.starts_with("classifier")) continue;
    const std::string rest = name.substr(std::string("features.").size());
    whole["net.slice" + slices.at(rest.substr(0, rest.find('.'))) + "." + rest] = tensor;
  }
  const Lpips one = Lpips::open(std::vector{file("whole", whole)});
  const std::vector<float> a = picture(40, 33, 200), b = picture(40, 33, 201);
  EXPECT_EQ(one(40, 33, a, b), two(40, 33, a, b));
}

TEST_F(LpipsTest, ThreadsChangeNoBitAndTheLeastPictureIsTaken) {
  const int before = at::get_num_threads();
  for (const bool vgg : {false, true}) {
    const Lpips lpips = vgg ? open(vgg16(), lines_of(kOfVgg)) : open(alexnet(), lines_of(kOfAlex));
    for (const int size : {lpips.least_size(), 90}) {
      const std::vector<float> a = picture(size, size, 200), b = picture(size, size, 201);
      at::set_num_threads(1);
      const double of_one = lpips(size, size, a, b);
      EXPECT_GT(of_one, 0);
      at::set_num_threads(3);
      EXPECT_EQ(lpips(size, size, a, b), of_one) << lpips.network() << " " << size;
      at::set_num_threads(before);
    }
  }
}

TEST_F(LpipsTest, WrongFilesAreRefusedByName) {
  expect_refusal(alexnet(), lines_of(kOfVgg),
                 {"lines.safetensors", "lin1.model.1.weight", "[1, 128, 1, 1]", "[1, 192, 1, 1]", "alexnet"});
  expect_refusal(lines_of(kOfAlex), {}, {"features.0.weight", "alexnet or vgg16"});
  expect_refusal(alexnet(), {}, {"lin0.model.1.weight", "v0.1/alex.pth"});
  expect_refusal(alexnet(), alexnet(), {"lines.safetensors", "network.safetensors", "features.0.bias"});
  Named other = alexnet();
  other["features.0.weight"] = at::zeros({64, 3, 7, 7});
  expect_refusal(other, lines_of(kOfAlex),
                 {"network.safetensors", "features.0.weight", "[64, 3, 7, 7]", "[64, 3, 11, 11] (alexnet)",
                  "[64, 3, 3, 3] (vgg16)"});
  other = alexnet();
  other["features.8.bias"] = at::zeros({255});
  expect_refusal(other, lines_of(kOfAlex), {"network.safetensors", "features.8.bias", "[255]", "[256]"});
  other = alexnet();
  other.erase("features.8.bias");
  expect_refusal(other, lines_of(kOfAlex), {"features.8.bias", "[256]"});
  other = alexnet();
  other["features.12.weight"] = at::zeros({1});
  expect_refusal(other, lines_of(kOfAlex), {"network.safetensors", "features.12.weight", "[1]", "alexnet has none"});
}

}  // namespace
}  // namespace orrery::nn
