#include "orrery/nn/lpips.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <array>
#include <cassert>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/kernels/matmul/matmul.h"
#include "orrery/nn/from_view.h"
#include "orrery/text/tensor_file.h"

namespace orrery::nn {

namespace {

/// A convolution with a ReLU behind it, `number` its place in torchvision's Sequential.
struct Convolution {
  int number;
  int64_t inputs, outputs, kernel;
  int stride, padding;
  int pool = 0;
  bool compared = false;
};

struct Network {
  const char* name;
  const char* of_torchvision;
  int least_size;
  std::vector<Convolution> convolutions;
};

const std::array<Network, 2>& networks() {
  static const std::array<Network, 2> all = {{
      {"alex",
       "alexnet",
       31,
       {{0, 3, 64, 11, 4, 2, 0, true},
        {3, 64, 192, 5, 1, 2, 3, true},
        {6, 192, 384, 3, 1, 1, 3, true},
        {8, 384, 256, 3, 1, 1, 0, true},
        {10, 256, 256, 3, 1, 1, 0, true}}},
      {"vgg",
       "vgg16",
       16,
       {{0, 3, 64, 3, 1, 1},
        {2, 64, 64, 3, 1, 1, 0, true},
        {5, 64, 128, 3, 1, 1, 2},
        {7, 128, 128, 3, 1, 1, 0, true},
        {10, 128, 256, 3, 1, 1, 2},
        {12, 256, 256, 3, 1, 1},
        {14, 256, 256, 3, 1, 1, 0, true},
        {17, 256, 512, 3, 1, 1, 2},
        {19, 512, 512, 3, 1, 1},
        {21, 512, 512, 3, 1, 1, 0, true},
        {24, 512, 512, 3, 1, 1, 2},
        {26, 512, 512, 3, 1, 1},
        {28, 512, 512, 3, 1, 1, 0, true}}},
  }};
  return all;
}

Error lpips_error(std::string where, std::string found, std::string expected, std::string advice = {}) {
  return Error({.doing = "read the weights of LPIPS",
                .where = std::move(where),
                .found = std::move(found),
                .expected = std::move(expected),
                .advice = std::move(advice)});
}

/// The name under which it is looked for; none for what is not needed: the classifier, the mean and deviation that
/// operator() has, and the second names that the package's own state has for linK.
std::optional<std::string> needed_name(std::string_view name) {
  for (const std::string_view other : {"classifier.", "scaling_layer.", "lins."})
    if (name.starts_with(other)) return std::nullopt;
  constexpr std::string_view kSlice = "net.slice";
  if (name.starts_with(kSlice) && name.size() > kSlice.size() + 1 && name[kSlice.size() + 1] == '.')
    return "features." + std::string(name.substr(kSlice.size() + 2));
  return std::string(name);
}

/// All files' tensors. Each is taken once.
class Weights {
 public:
  explicit Weights(std::span<const std::filesystem::path> paths) {
    files_.reserve(paths.size());
    for (const auto& path : paths) {
      all_names_ += (all_names_.empty() ? "" : ", ") + path.string();
      files_.push_back(text::TensorFile::open(path));
      for (const TensorView& view : files_.back().tensors()) {
        const auto name = needed_name(view.name);
        if (!name) continue;
        const auto [other, is_new] = views_.insert({*name, {path.string(), &view}});
        if (!is_new)
          throw lpips_error(fmt::format("{}, tensor {}", path.string(), view.name),
                            fmt::format("one that {} has too", other->second.file), "each tensor in one file");
      }
    }
  }

  /// By the first convolution.
  const Network& network() const {
    const std::string name = "features.0.weight";
    const auto found = views_.find(name);
    std::string expected;
    for (const Network& network : networks()) {
      const Convolution& first = network.convolutions.front();
      const std::vector<int64_t> shape = {first.outputs, first.inputs, first.kernel, first.kernel};
      if (found != views_.end() && found->second.view->shape == shape) return network;
      expected += fmt::format("{}{} ({})", expected.empty() ? "" : " or ", shape_string(shape), network.of_torchvision);
    }
    if (found == views_.end()) throw missing(name, "torchvision's alexnet or vgg16 beside the package's weights");
    throw lpips_error(where(found->second), shape_string(found->second.view->shape), expected);
  }

  at::Tensor take(const std::string& name, const std::vector<int64_t>& shape, const Network& network) {
    const auto found = views_.find(name);
    if (found == views_.end())
      throw missing(name, name.starts_with("lin")
                              ? fmt::format("the package's weights/v0.1/{}.pth", network.name)
                              : fmt::format("it, {} in {}", shape_string(shape), network.of_torchvision));
    if (found->second.view->shape != shape)
      throw lpips_error(where(found->second), shape_string(found->second.view->shape),
                        fmt::format("{}, as {} has it", shape_string(shape), network.of_torchvision));
    const at::Tensor tensor = tensor_from_view(*found->second.view);
    views_.erase(found);
    return tensor;
  }

  void refuse_others(const Network& network) const {
    if (views_.empty()) return;
    throw lpips_error(where(views_.begin()->second), shape_string(views_.begin()->second.view->shape),
                      fmt::format("no such tensor: {} has none", network.of_torchvision));
  }

 private:
  struct Place {
    std::string file;
    const TensorView* view;
  };
  static std::string where(const Place& place) { return fmt::format("{}, tensor {}", place.file, place.view->name); }
  Error missing(const std::string& name, std::string expected) const {
    return lpips_error(fmt::format("{}, tensor {}", all_names_, name), "none", std::move(expected));
  }

  std::vector<text::TensorFile> files_;
  std::map<std::string, Place> views_;
  std::string all_names_;
};

/// [height, width, 3] of 0…1 into [3, height, width]: as the package's normalize and its ScalingLayer.
void scale_into(std::span<const float> picture, float* planes) {
  constexpr std::array<float, 3> kShift = {-.030f, -.088f, -.188f}, kScale = {.458f, .448f, .450f};
  const size_t pixels = picture.size() / 3;
  for (size_t i = 0; i < pixels; ++i)
    for (size_t k = 0; k < 3; ++k) planes[k * pixels + i] = (2 * picture[3 * i + k] - 1 - kShift[k]) / kScale[k];
}

/// [outputs, inputs, kernel, kernel] as matmul reads it.
at::Tensor packed(const at::Tensor& weight) {
  const int64_t outputs = weight.size(0), values = weight.numel() / outputs;
  assert(outputs % kernels::kStripRows == 0);
  const at::Tensor strips = at::empty({outputs / kernels::kStripRows, values, kernels::kStripRows});
  for (int64_t strip = 0; strip < strips.size(0); ++strip) {
    const std::byte* rows[kernels::kStripRows];
    for (int64_t row = 0; row < kernels::kStripRows; ++row)
      rows[row] = reinterpret_cast<const std::byte*>(weight.const_data_ptr<float>() +
                                                     (strip * kernels::kStripRows + row) * values);
    kernels::pack_strip(kernels::PackedKind::kF32, rows, values,
                        reinterpret_cast<std::byte*>(strips[strip].data_ptr<float>()));
  }
  return strips;
}

/// What the outputs of one row read, in PackedRows' order: for every 16 of them [values][16], fewer at the end. Where a
/// patch reaches past the picture there are zeros.
void take_patches(const at::Tensor& picture, int64_t row, int64_t kernel, int64_t stride, int64_t padding,
                  kernels::PackedRows& patches) {
  const int64_t height = picture.size(1), width = picture.size(2);
  for (int64_t first = 0; first < patches.rows; first += 16) {
    const int64_t count = std::min<int64_t>(16, patches.rows - first), group = kernels::group_size(count);
    float* to = patches.values + first * patches.cols;
    for (int64_t c = 0; c < picture.size(0); ++c)
      for (int64_t dy = 0; dy < kernel; ++dy) {
        const int64_t y = row * stride + dy - padding;
        const float* line = picture.const_data_ptr<float>() + (c * height + y) * width;
        for (int64_t dx = 0; dx < kernel; ++dx, to += group)
          for (int64_t i = 0; i < group; ++i) {
            const int64_t x = (first + i) * stride + dx - padding;
            to[i] = y >= 0 && y < height && x >= 0 && x < width && i < count ? line[x] : 0;
          }
      }
  }
}

/// The convolution and its ReLU of [pictures, inputs, height, width]; `weight` is packed. Row by row by the project's
/// own product, whose sums are the same on any number of threads, as at::conv2d's are not.
at::Tensor convolved(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, int64_t kernel,
                     int64_t stride, int64_t padding) {
  const auto extent = [&](int64_t size) { return (size + 2 * padding - kernel) / stride + 1; };
  const int64_t pictures = features.size(0), rows = extent(features.size(2)), columns = extent(features.size(3)),
                outputs = bias.numel();
  const kernels::PackedMatrix matrix{
      .rows = outputs, .cols = weight.size(1), .data = static_cast<const std::byte*>(weight.const_data_ptr())};
  const at::Tensor result = at::empty({pictures, outputs, rows, columns});
  float* const all = result.data_ptr<float>();
  at::parallel_for(0, pictures * rows, 1, [&](int64_t begin, int64_t end) {
    const at::Tensor memory = at::empty({kernels::packed_rows_bytes(columns, matrix.cols)}, at::kByte);
    kernels::PackedRows patches = kernels::place_packed_rows(columns, matrix.cols, false,
                                                             reinterpret_cast<std::byte*>(memory.data_ptr<uint8_t>()));
    std::vector<float> of_row(static_cast<size_t>(columns * outputs));
    for (int64_t turn = begin; turn < end; ++turn) {
      const int64_t picture = turn / rows, row = turn % rows;
      take_patches(features[picture], row, kernel, stride, padding, patches);
      kernels::matmul(matrix, patches, 0, matrix.strips(), kernels::MatmulOutput::kStore, of_row.data(), outputs);
      for (int64_t c = 0; c < outputs; ++c) {
        float* line = all + ((picture * outputs + c) * rows + row) * columns;
        const float offset = bias.const_data_ptr<float>()[c];
        for (int64_t x = 0; x < columns; ++x)
          line[x] = std::max(0.f, of_row[static_cast<size_t>(x * outputs + c)] + offset);
      }
    }
  });
  return result;
}

/// Features [2, channels, height, width]: mean over pixels of Σ weight·(difference of the two, each of length 1)².
double weighted_difference(const at::Tensor& features, const at::Tensor& weights) {
  constexpr int64_t kBlock = 1024;  // pixels of a thread's turn
  const int64_t channels = features.size(1), pixels = features.size(2) * features.size(3);
  const float *a = features.const_data_ptr<float>(), *b = a + channels * pixels, *w = weights.const_data_ptr<float>();
  const int64_t blocks = (pixels + kBlock - 1) / kBlock;
  std::vector<double> of_blocks(static_cast<size_t>(blocks));
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    std::array<float, kBlock> of_a, of_b, sum;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kBlock, count = std::min(kBlock, pixels - first);
      of_a.fill(0), of_b.fill(0), sum.fill(0);
      for (int64_t c = 0; c < channels; ++c) {
        const float *x = a + c * pixels + first, *y = b + c * pixels + first;
        for (int64_t i = 0; i < count; ++i) of_a[i] += x[i] * x[i], of_b[i] += y[i] * y[i];
      }
      for (int64_t i = 0; i < count; ++i) {
        of_a[i] = 1 / (std::sqrt(of_a[i]) + 1e-10f);
        of_b[i] = 1 / (std::sqrt(of_b[i]) + 1e-10f);
      }
      for (int64_t c = 0; c < channels; ++c) {
        const float *x = a + c * pixels + first, *y = b + c * pixels + first;
        for (int64_t i = 0; i < count; ++i) {
          const float difference = x[i] * of_a[i] - y[i] * of_b[i];
          sum[i] += w[c] * difference * difference;
        }
      }
      for (int64_t i = 0; i < count; ++i) of_blocks[static_cast<size_t>(block)] += sum[i];
    }
  });
  double sum = 0;
  for (const double of_block : of_blocks) sum += of_block;
  return sum / static_cast<double>(pixels);
}

}  // namespace

Lpips Lpips::open(std::span<const std::filesystem::path> files) {
  Weights weights(files);
  const Network& network = weights.network();
  Lpips lpips;
  lpips.network_ = network.name;
  lpips.least_size_ = network.least_size;
  int compared = 0;
  for (const Convolution& layer : network.convolutions) {
    const std::string name = fmt::format("features.{}.", layer.number);
    const at::Tensor weight =
        weights.take(name + "weight", {layer.outputs, layer.inputs, layer.kernel, layer.kernel}, network);
    const at::Tensor bias = weights.take(name + "bias", {layer.outputs}, network);
    at::Tensor of_channels;
    if (layer.compared)
      of_channels =
          weights.take(fmt::format("lin{}.model.1.weight", compared++), {1, layer.outputs, 1, 1}, network).flatten();
    lpips.layers_.push_back({packed(weight), bias, layer.kernel, layer.stride, layer.padding, layer.pool, of_channels});
  }
  weights.refuse_others(network);
  return lpips;
}

double Lpips::operator()(int width, int height, std::span<const float> a, std::span<const float> b) const {
  assert(width >= least_size_ && height >= least_size_ && a.size() == b.size());
  assert(a.size() == 3 * static_cast<size_t>(width) * static_cast<size_t>(height));
  at::Tensor features = at::empty({2, 3, height, width});
  scale_into(a, features.data_ptr<float>());
  scale_into(b, features.data_ptr<float>() + a.size());
  double sum = 0;
  for (const Layer& layer : layers_) {
    if (layer.pool > 0) features = at::max_pool2d(features, {layer.pool, layer.pool}, {2, 2});
    features = convolved(features, layer.weight, layer.bias, layer.kernel, layer.stride, layer.padding);
    if (layer.compared.defined()) sum += weighted_difference(features, layer.compared);
  }
  return sum;
}

}  // namespace orrery::nn
