// Hyena's operator against the authors' own: every X.config.json beside an X.io.safetensors and the X.safetensors of
// its weights, in the folders named hyena*.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "orrery/formats/safetensors.h"
#include "orrery/text/engine/hyena/operator.h"
#include "orrery/text/families/config_json.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_folders.h"

namespace orrery::text::golden {

namespace {
namespace fs = std::filesystem;

struct OperatorCase {
  std::string name;
  fs::path stem;  ///< without ".config.json"
};
void PrintTo(const OperatorCase& c, std::ostream* out) { *out << c.stem.string(); }

std::vector<OperatorCase> operator_cases() {
  std::vector<OperatorCase> result;
  for (const fs::path& folder : folders()) {
    if (kind_of(folder) != "hyena") continue;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string file = entry.path().filename().string();
      const std::string stem = file.substr(0, file.find('.'));
      if (file != stem + ".config.json" || !fs::exists(folder / (stem + ".io.safetensors"))) continue;
      std::string name = folder.filename().string() + "_" + stem;
      std::ranges::replace_if(
          name, [](unsigned char c) { return !std::isalnum(c); }, '_');
      result.push_back({name, folder / stem});
    }
  }
  std::ranges::sort(result, {}, &OperatorCase::name);
  return result;
}

std::vector<float> floats(const formats::SafetensorsFile& file, const std::string& name) {
  const TensorView* tensor = file.find(name);
  if (tensor == nullptr || tensor->dtype != DType::kF32) throw std::runtime_error("no float32 tensor " + name);
  std::vector<float> values(tensor->elements());
  std::memcpy(values.data(), tensor->data, tensor->bytes);
  return values;
}

float largest(const std::vector<float>& values) {
  float most = 0;
  for (float value : values) most = std::max(most, std::fabs(value));
  return most;
}

// y [rows, outputs] = x [rows, inputs] · weightᵀ + bias, in plain loops.
std::vector<float> linear_rows(const std::vector<float>& x, const std::vector<float>& weight,
                               const std::vector<float>& bias) {
  const size_t outputs = bias.size(), inputs = weight.size() / outputs, rows = x.size() / inputs;
  std::vector<float> y(rows * outputs);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t o = 0; o < outputs; ++o) {
      double sum = bias[o];
      for (size_t i = 0; i < inputs; ++i) sum += double(x[row * inputs + i]) * weight[o * inputs + i];
      y[row * outputs + o] = float(sum);
    }
  }
  return y;
}

class HyenaOperatorGolden : public testing::TestWithParam<OperatorCase> {
 protected:
  HyenaOperatorGolden()
      : config_(ConfigJson::open(GetParam().stem.string() + ".config.json")),
        io_(formats::SafetensorsFile::open(GetParam().stem.string() + ".io.safetensors")),
        weights_(formats::SafetensorsFile::open(GetParam().stem.string() + ".safetensors")),
        spec_{.order = config_.size("order"),
              .emb_dim = config_.size("emb_dim"),
              .filter_order = config_.size("filter_order"),
              .inner_layers = config_.integer("num_inner_mlps"),
              .modulate = config_.boolean("modulate", true),
              .shift = config_.number("shift", 0),
              .steps_first = config_.string("filter_layout", "v o") == "o d"},
        d_model_(config_.size("d_model")),
        op_(
            spec_, d_model_, config_.size("l_max"), [this](const std::string& name) { return floats(weights_, name); },
            pool_) {}

  ThreadPool pool_{2};
  const ConfigJson config_;
  const formats::SafetensorsFile io_, weights_;
  const HyenaSpec spec_;
  const int64_t d_model_;
  const HyenaOperator op_;
};

TEST_P(HyenaOperatorGolden, Filters) {
  const std::vector<float> expected = floats(io_, "filter");
  const int64_t channels = d_model_ * op_.steps(), length = int64_t(expected.size()) / channels;
  std::vector<float> ours(expected.size());
  for (int64_t t = 0; t < length; ++t) {
    for (int64_t step = 0; step < op_.steps(); ++step) {
      for (int64_t d = 0; d < d_model_; ++d) {
        const int64_t channel = spec_.steps_first ? step * d_model_ + d : d * op_.steps() + step;
        ours[t * channels + channel] =
            op_.long_filter(step).taps(d / kernels::kConvLanes)[t * kernels::kConvLanes + d % kernels::kConvLanes];
      }
    }
  }
  expect_close(ours, expected, 2e-4f * largest(expected), "filter");
}

TEST_P(HyenaOperatorGolden, OutputsAtOnceAndInPieces) {
  const std::vector<float> u = floats(io_, "u"), expected = floats(io_, "y");
  const std::vector<float> in_bias = floats(weights_, "in_proj.bias");
  const std::vector<float> projected = linear_rows(u, floats(weights_, "in_proj.weight"), in_bias);
  const int64_t batch = io_.find("u")->shape.at(0), tokens = io_.find("u")->shape.at(1);
  const auto inputs = int64_t(in_bias.size());
  std::vector<float> scratch(op_.scratch_floats());
  for (int64_t piece : {tokens, int64_t{1}, int64_t{5}}) {
    std::vector<float> mixed(u.size());
    for (int64_t row = 0; row < batch; ++row) {
      const int64_t pages = (tokens + kernels::kConvPage - 1) / kernels::kConvPage;
      std::vector<float> before(op_.before_floats(), 1.0f), history(pages * op_.page_floats(), 1.0f);
      const HyenaOperator::Memory memory{before.data(), history.data(), op_.page_floats(), tokens};
      for (int64_t t = 0; t < tokens; t += piece) {
        for (int64_t group = 0; group < op_.groups(); ++group)
          op_.run(group, t, std::min(piece, tokens - t), projected.data() + (row * tokens + t) * inputs, inputs, memory,
                  mixed.data() + (row * tokens + t) * d_model_, d_model_, scratch.data());
      }
    }
    const std::vector<float> y =
        linear_rows(mixed, floats(weights_, "out_proj.weight"), floats(weights_, "out_proj.bias"));
    expect_close(y, expected, 2e-4f * largest(expected), "y");
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HyenaOperatorGolden);
INSTANTIATE_TEST_SUITE_P(Text, HyenaOperatorGolden, testing::ValuesIn(operator_cases()), name_of);

}  // namespace
}  // namespace orrery::text::golden
