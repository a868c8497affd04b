// From a picture to Fuyu's patches (Bavishi et al. 2023), as transformers' FuyuImageProcessor makes them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "orrery/formats/image.h"
#include "orrery/text/families/config_json.h"

namespace orrery::text {

/// FuyuImageProcessor's settings under its own names; the defaults are those of the released model.
struct FuyuProcessorConfig {
  int64_t patch_size = 30;
  int64_t height = 1080, width = 1920;  ///< size: what a larger picture is made to fit, in whole patches
  /// What is added below and on the right until patches are whole: a value of pixels, so 1 is nearly black. The
  /// original pads before it rescales.
  uint8_t padding_value = 1;
  double rescale_factor = 1.0 / 255;
  std::array<double, 3> image_mean = {0.5, 0.5, 0.5}, image_std = {0.5, 0.5, 0.5};

  /// The folder's preprocessor_config.json, or processor_config.json as transformers 5 writes it; the defaults where
  /// there is neither. `patch_size` is the model's. Throws Error naming file and key for a step that is left out,
  /// another interpolation than bilinear, another padding than a constant, other patches than the model's, and a size
  /// that is no whole number of patches.
  static FuyuProcessorConfig open(const std::filesystem::path& folder, int64_t patch_size);
  /// The same of what such a file holds. Both spellings of the size: "size", and 2023's target_height and target_width.
  static FuyuProcessorConfig read(const ConfigJson& config, int64_t patch_size);
};

/// A picture in patches, row by row.
struct PatchGrid {
  int64_t rows = 0, columns = 0;
  std::vector<float> values;  ///< [rows · columns, patch_size · patch_size · 3]: a patch as [y, x, channel]
  double scale = 1;           ///< how much smaller the picture was made: coordinates in it × scale are patch pixels
};

/// Makes a picture that is too large fit (bilinear, its sides' ratio kept), pads it to whole patches, and normalises:
/// (value · rescale_factor - mean) / std in float32. The values are the original's to the last bit. Throws Error for a
/// picture so long and thin that nothing of its width would be left, and for more patches than `max_patches`.
PatchGrid fuyu_patches(const formats::Image& image, const FuyuProcessorConfig& config, int64_t max_patches);

}  // namespace orrery::text
