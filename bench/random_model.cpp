// random_model CONFIG.json FOLDER: a hub folder with that config and random weights (bfloat16), for measuring speed
// where no trained model of a family is at hand. The same config gives the same weights.
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>

#include "orrery/base/error.h"
#include "orrery/formats/safetensors.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"

namespace orrery::text {
namespace {
namespace fs = std::filesystem;

/// Norms are about one, biases about zero; a matrix keeps the size of what it multiplies.
std::vector<uint16_t> weights_of(const TensorView& tensor) {
  std::minstd_rand random(std::hash<std::string>()(tensor.name));
  const bool vector = tensor.shape.size() == 1;
  const bool bias = tensor.name.ends_with("bias");
  const float scale = vector ? 0.05f : 1.7f / std::sqrt(float(tensor.cols()));
  const float middle = vector && !bias ? 1.0f : 0.0f;
  std::vector<uint16_t> values(tensor.elements());
  for (uint16_t& value : values) {
    const float uniform = float(random()) / float(random.max()) * 2 - 1, number = middle + scale * uniform;
    uint32_t bits;
    std::memcpy(&bits, &number, sizeof bits);
    value = uint16_t(bits >> 16);
  }
  return values;
}

void make(const fs::path& config_file, const fs::path& folder) {
  const ConfigJson config = ConfigJson::open(config_file);
  const Family& family = family_of_hub(config);
  const DecoderSpec spec = family.spec_from_hub(config);
  std::vector<TensorView> tensors;
  int64_t parameters = 0;
  for (const ExpectedTensor& expected : expected_tensors(family, spec)) {
    TensorView& tensor =
        tensors.emplace_back(TensorView{.name = expected.hub, .dtype = DType::kBF16, .shape = expected.shape});
    tensor.bytes = tensor.elements() * int64_t(sizeof(uint16_t));
    parameters += tensor.elements();
  }
  fs::create_directories(folder);
  std::vector<uint16_t> values;
  formats::write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}}, [&](const TensorView& tensor) {
    values = weights_of(tensor);
    return std::as_bytes(std::span(values));
  });
  fs::copy_file(config_file, folder / "config.json", fs::copy_options::overwrite_existing);
  fmt::print("{}: {}, {:.0f} million parameters\n", folder.string(), family.name, double(parameters) / 1e6);
}

}  // namespace
}  // namespace orrery::text

int main(int count, char** arguments) try {
  if (count != 3) {
    fmt::print(stderr, "usage: random_model CONFIG.json FOLDER\n");
    return 2;
  }
  orrery::text::make(arguments[1], arguments[2]);
} catch (const orrery::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
