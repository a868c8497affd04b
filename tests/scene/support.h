// What the scene tests share: small scenes with pictures of known pixels.
#pragma once

#include <functional>
#include <string>

#include "orrery/formats/colmap.h"
#include "orrery/scene/pictures/picture.h"
#include "tests/formats/png_writer.h"
#include "tests/formats/support.h"

namespace orrery::scene {

using formats::error_message;
using formats::shared_path;
using formats::TemporaryFolder;

/// A picture whose pixel (x, y) has the colour that `colour` gives for it.
inline Picture painted(int width, int height, const std::function<std::array<uint8_t, 3>(int, int)>& colour) {
  Picture picture{.width = width, .height = height};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (const uint8_t channel : colour(x, y)) picture.pixels.push_back(channel);
  return picture;
}

inline std::string png_of(const Picture& picture) {
  return formats::png_file(picture.width, picture.height, picture.channels,
                           {reinterpret_cast<const char*>(picture.pixels.data()), picture.pixels.size()});
}

inline std::vector<formats::CameraModel> all_models() {
  std::vector<formats::CameraModel> models;
  for (const auto& info : formats::camera_models()) models.push_back(info.model);
  return models;
}

/// A camera of the model with a plausible bend, 640 × 480.
inline formats::ColmapCamera plausible_camera(formats::CameraModel model) {
  using formats::CameraModel;
  formats::ColmapCamera camera{.id = 1, .model = model, .width = 640, .height = 480};
  const bool wide = formats::info_of(model).name.find("FISHEYE") != std::string_view::npos;
  for (const std::string_view name : formats::info_of(model).parameters) {
    const auto value = [&]() -> double {
      if (name == "f" || name == "fx") return wide ? 220 : 520;
      if (name == "fy") return wide ? 223 : 515;
      if (name == "cx") return 325;
      if (name == "cy") return 236;
      if (name == "k" || name == "k1") return wide ? 0.03 : -0.12;
      if (name == "k0") return 0.02;
      if (name == "k2") return wide ? -0.01 : 0.04;
      if (name == "k3") return 0.002;
      if (name == "k4") return wide ? -0.0004 : 0.01;
      if (name == "k5" || name == "k6") return 0.0001;
      if (name == "p0" || name == "p1") return 0.001;
      if (name == "p2") return -0.002;
      if (name == "omega") return 0.9;
      if (name == "alpha") return 0.6;
      if (name == "beta") return 1.1;
      if (name == "w") return 640;
      if (name == "h") return 480;
      return 0.0005;  // sx1, sy1, s0 … s3
    };
    camera.parameters.push_back(value());
  }
  return camera;
}

}  // namespace orrery::scene
