#include "orrery/text/pictures/fuyu_processor.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/text/pictures/resize.h"

namespace orrery::text {
namespace {

namespace fs = std::filesystem;
using formats::Image;

std::array<double, 3> per_channel(const ConfigJson& config, std::string_view key, std::array<double, 3> fallback) {
  if (!config.has(key)) return fallback;
  if (!config.is_list(key)) {
    fallback.fill(config.number(key));
    return fallback;
  }
  const std::vector<double> numbers = config.numbers(key);
  if (numbers.size() != 3) throw config.error(key, fmt::format("{} numbers", numbers.size()), "one, or one per colour");
  std::ranges::copy(numbers, fallback.begin());
  return fallback;
}

/// "size", or 2023's target_height and target_width.
void read_size(const ConfigJson& config, FuyuProcessorConfig& result) {
  const bool has_size = config.has("size");
  const ConfigJson size = has_size ? config.object("size") : config;
  const auto read = [&](const char* key, int64_t& value) {
    value = size.size(key, value);
    if (value % result.patch_size != 0)
      throw size.error(key, std::to_string(value), fmt::format("a multiple of the patches' {}", result.patch_size));
  };
  read(has_size ? "height" : "target_height", result.height);
  read(has_size ? "width" : "target_width", result.width);
}

void check_patch_size(const ConfigJson& config, int64_t patch_size) {
  const ConfigJson size = config.object("patch_size");
  for (const char* key : {"height", "width"})
    if (const int64_t value = size.size(key, patch_size); value != patch_size)
      throw size.error(key, std::to_string(value), fmt::format("{}, as the model's config has it", patch_size));
}

void check_steps(const ConfigJson& config) {
  for (const char* step : {"do_resize", "do_pad", "do_rescale", "do_normalize"})
    if (!config.boolean(step, true)) throw config.error(step, "false", "true");
  constexpr int64_t kBilinear = 2;  // PIL.Image.Resampling.BILINEAR
  if (const int64_t resample = config.integer("resample", kBilinear); resample != kBilinear)
    throw config.error("resample", std::to_string(resample), "2 (bilinear)");
  if (const std::string mode = config.string("padding_mode", "constant"); mode != "constant")
    throw config.error("padding_mode", mode, "constant");
}

/// What a picture of that size becomes before it is padded.
struct Fit {
  int64_t height, width;
};

Fit fit(const Image& image, const FuyuProcessorConfig& config) {
  if (image.height <= config.height && image.width <= config.width) return {image.height, image.width};
  const auto height = static_cast<double>(image.height), width = static_cast<double>(image.width);
  const double scale = std::min(static_cast<double>(config.height) / height, static_cast<double>(config.width) / width);
  const Fit smaller = {static_cast<int64_t>(height * scale), static_cast<int64_t>(width * scale)};
  if (smaller.height < 1 || smaller.width < 1)
    throw Error(
        {.doing = "make a picture fit the model",
         .found = fmt::format("{} × {} pixels", image.width, image.height),
         .expected = fmt::format("a shape of which something is left within {} × {}", config.width, config.height),
         .advice = "cut it into pieces"});
  return smaller;
}

/// What each value of a pixel becomes, per channel, rounded where the original rounds.
using Normalised = std::array<std::array<float, 256>, 3>;

Normalised normalise(const FuyuProcessorConfig& config) {
  Normalised table;
  for (size_t channel = 0; channel < 3; ++channel)
    for (size_t value = 0; value < 256; ++value) {
      const auto rescaled = static_cast<float>(static_cast<double>(value) * config.rescale_factor);
      table[channel][value] =
          (rescaled - static_cast<float>(config.image_mean[channel])) / static_cast<float>(config.image_std[channel]);
    }
  return table;
}

}  // namespace

FuyuProcessorConfig FuyuProcessorConfig::open(const fs::path& folder, int64_t patch_size) {
  if (const fs::path file = folder / "preprocessor_config.json"; fs::exists(file))
    return read(ConfigJson::open(file), patch_size);
  if (const fs::path file = folder / "processor_config.json"; fs::exists(file))
    return read(ConfigJson::open(file).object("image_processor"), patch_size);
  return {.patch_size = patch_size};
}

FuyuProcessorConfig FuyuProcessorConfig::read(const ConfigJson& config, int64_t patch_size) {
  FuyuProcessorConfig result;
  result.patch_size = patch_size;
  check_steps(config);
  check_patch_size(config, patch_size);
  read_size(config, result);
  const double padding = config.number("padding_value", result.padding_value);
  if (!(padding >= 0 && padding <= 255 && padding == static_cast<uint8_t>(padding)))
    throw config.error("padding_value", fmt::format("{}", padding), "a whole number from 0 to 255");
  result.padding_value = static_cast<uint8_t>(padding);
  result.rescale_factor = config.number("rescale_factor", result.rescale_factor);
  result.image_mean = per_channel(config, "image_mean", result.image_mean);
  result.image_std = per_channel(config, "image_std", result.image_std);
  for (const double value : result.image_std)
    if (static_cast<float>(value) == 0)
      throw config.error("image_std", fmt::format("{}", value), "a number to divide by");
  return result;
}

PatchGrid fuyu_patches(const Image& image, const FuyuProcessorConfig& config, int64_t max_patches) {
  const Fit size = fit(image, config);
  const int64_t side = config.patch_size;
  PatchGrid grid{.rows = (size.height + side - 1) / side, .columns = (size.width + side - 1) / side};
  if (grid.columns > max_patches / grid.rows)
    throw Error({.doing = "cut a picture into patches",
                 .found = fmt::format("{} × {} patches of {} pixels", grid.columns, grid.rows, side),
                 .expected = fmt::format("at most {} in all", max_patches),
                 .advice = "make the picture smaller"});
  grid.scale = static_cast<double>(size.height) / static_cast<double>(image.height);
  const bool smaller = size.height != image.height || size.width != image.width;
  const Image resized = smaller ? resize_bilinear(image, size.height, size.width) : Image();
  const Image& fitting = smaller ? resized : image;

  const Normalised table = normalise(config);
  const int64_t patch_values = side * side * 3, row_values = side * 3;
  grid.values.resize(static_cast<size_t>(grid.rows * grid.columns * patch_values));
  for (int64_t y = 0; y < grid.rows * side; ++y) {
    for (int64_t column = 0; column < grid.columns; ++column) {
      float* out = grid.values.data() + (y / side * grid.columns + column) * patch_values + y % side * row_values;
      const int64_t first = column * side, inside = y < size.height ? std::min(side, size.width - first) : 0;
      for (int64_t x = 0; x < side; ++x)
        for (size_t channel = 0; channel < 3; ++channel)
          *out++ = table[channel][x < inside ? fitting.row(y)[(first + x) * 3 + static_cast<int64_t>(channel)]
                                             : config.padding_value];
    }
  }
  return grid;
}

}  // namespace orrery::text
