#include "orrery/text/adapters/visual_query.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/kernels/activation/activation.h"
#include "orrery/kernels/layer_norm/layer_norm.h"
#include "orrery/text/adapters/readers.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/tensor_file.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;

constexpr int64_t kAuthorsHeads = 16;
constexpr float kNormEps = 1e-5f;  // torch's nn.LayerNorm

class VisualBlocks {
 public:
  explicit VisualBlocks(const fs::path& path) : path_(path), file_(TensorFile::open(path)) {
    const fs::path config = (path.parent_path().empty() ? fs::path(".") : path.parent_path()) / "config.json";
    if (fs::exists(config)) heads_ = ConfigJson::open(config).size("v_num_heads", kAuthorsHeads);
  }

  std::vector<float> run(std::span<const float> clip_feats) {
    const std::vector<float> query = floats_of(tensor("visual_query.weight"));
    const int64_t dim = tensor("visual_query.weight").cols(), clip_dim = tensor("clip_proj.weight").cols();
    check("visual_query.weight", dim > 0 && heads_ > 0 && dim % heads_ == 0);
    check("clip_proj.weight", clip_dim > 0 && !clip_feats.empty() && int64_t(clip_feats.size()) % clip_dim == 0);

    const std::vector<float> feats = norm("clip_proj_norm", linear("clip_proj", clip_feats, clip_dim), dim);
    std::vector<float> x = query;
    x.insert(x.end(), feats.begin(), feats.end());
    for (int64_t block = 0; find(fmt::format("visual_blocks.{}.norm1.weight", block)) != nullptr; ++block) {
      const std::string name = fmt::format("visual_blocks.{}.", block);
      add(x,
          linear(name + "attn.proj", attend(linear(name + "attn.qkv", norm(name + "norm1", x, dim), dim), dim), dim));
      std::vector<float> inner = linear(name + "mlp.fc1", norm(name + "norm2", x, dim), dim);
      kernels::activate(kernels::Activation::kGeluErf, inner, inner);
      add(x, linear(name + "mlp.fc2", inner, tensor(name + "mlp.fc2.weight").cols()));
    }
    x.resize(query.size());
    const std::vector<float> projected = linear("visual_proj", x, dim);
    return norm("visual_proj_norm", projected, tensor("visual_proj.weight").rows());
  }

 private:
  const TensorView* find(const std::string& name) const {
    const TensorView* found = file_.find(name);
    return found != nullptr ? found : file_.find("model." + name);
  }

  void check(const std::string& name, bool fine) const {
    if (!fine)
      throw Error({.doing = "read the visual part of a LLaMA-Adapter",
                   .where = fmt::format("{}, tensor {}", path_.string(), name),
                   .found = find(name) == nullptr ? "nothing" : shape_string(find(name)->shape),
                   .expected = "a shape that goes with the others', with CLIP's features and v_num_heads"});
  }

  const TensorView& tensor(const std::string& name) const {
    check(name, find(name) != nullptr);
    return *find(name);
  }

  /// x [rows, inputs] -> x·Wᵀ + b [rows, outputs]
  std::vector<float> linear(const std::string& name, std::span<const float> x, int64_t inputs) const {
    const std::vector<float> weight = floats_of(tensor(name + ".weight")), bias = floats_of(tensor(name + ".bias"));
    const auto outputs = int64_t(bias.size()), rows = int64_t(x.size()) / inputs;
    check(name + ".weight", int64_t(weight.size()) == outputs * inputs && rows * inputs == int64_t(x.size()));
    std::vector<float> y(size_t(rows * outputs));
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t out = 0; out < outputs; ++out) {
        float sum = bias[out];
        for (int64_t i = 0; i < inputs; ++i) sum += weight[out * inputs + i] * x[row * inputs + i];
        y[row * outputs + out] = sum;
      }
    return y;
  }

  std::vector<float> norm(const std::string& name, std::vector<float> x, int64_t size) const {
    const std::vector<float> weight = floats_of(tensor(name + ".weight")), bias = floats_of(tensor(name + ".bias"));
    check(name + ".weight", int64_t(weight.size()) == size && bias.size() == weight.size());
    check(name + ".weight", int64_t(x.size()) % size == 0);
    for (size_t at = 0; at < x.size(); at += size) {
      const std::span<float> row(x.data() + at, size);
      kernels::layer_norm(row, weight, bias, kNormEps, row);
    }
    return x;
  }

  /// Of [q; k; v] in each row, all heads of q first.
  std::vector<float> attend(const std::vector<float>& qkv, int64_t dim) const {
    const int64_t rows = int64_t(qkv.size()) / (3 * dim), size = dim / heads_;
    std::vector<float> out(size_t(rows * dim)), weights(static_cast<size_t>(rows));
    for (int64_t head = 0; head < heads_; ++head)
      for (int64_t row = 0; row < rows; ++row) {
        const auto at = [&](int64_t r, int64_t part) { return qkv.data() + (r * 3 + part) * dim + head * size; };
        float sum = 0;
        for (int64_t s = 0; s < rows; ++s) {
          float score = 0;
          for (int64_t i = 0; i < size; ++i) score += at(row, 0)[i] * at(s, 1)[i];
          weights[s] = score / std::sqrt(float(size));
        }
        const float largest = *std::ranges::max_element(weights);
        for (float& weight : weights) sum += weight = std::exp(weight - largest);
        for (int64_t s = 0; s < rows; ++s)
          for (int64_t i = 0; i < size; ++i) out[row * dim + head * size + i] += weights[s] / sum * at(s, 2)[i];
      }
    return out;
  }

  void add(std::vector<float>& x, const std::vector<float>& y) const {
    check("visual_query.weight", x.size() == y.size());
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }

  const fs::path path_;
  const TensorFile file_;
  int64_t heads_ = kAuthorsHeads;
};

}  // namespace

std::vector<float> visual_query(const fs::path& adapter, std::span<const float> clip_feats) {
  return VisualBlocks(adapter).run(clip_feats);
}

}  // namespace orrery::text
