// Smaller pictures without aliasing.
#pragma once

#include <string_view>

#include "orrery/scene/pictures/picture.h"

namespace orrery::scene {

/// How a pixel of the smaller picture is made of the larger one's.
enum class Resampling {
  kArea,    ///< the mean over what it covers (a box filter): what a camera with larger pixels would have seen
  kLanczos  ///< sinc(x)·sinc(x/3) stretched to the scale, as Pillow's LANCZOS: sharper, overshoots at edges
};

/// The two differ by tenths of a dB of PSNR, so whoever reports a PSNR reports this too.
std::string_view description(Resampling resampling);

/// To 1 ≤ width ≤ picture.width and 1 ≤ height ≤ picture.height, in float, rounded once. Colours are weighted
/// by alpha, so that what is transparent has no say in its neighbours' colour; a mask is resampled by area.
Picture resized(const Picture& picture, int width, int height, Resampling resampling, ThreadPool& pool);

}  // namespace orrery::scene
