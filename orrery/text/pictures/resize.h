// Pictures of another size, to the bytes that Pillow gives.
#pragma once

#include "orrery/formats/image.h"

namespace orrery::text {

/// Image.resize((width, height), BILINEAR) of Pillow 2.7 and later: a triangle as wide as what one pixel of the result
/// covers (so shrinking does not alias), along rows first, rounded to 8 bits after each axis. height, width: at
/// least 1.
formats::Image resize_bilinear(const formats::Image& image, int64_t height, int64_t width);

}  // namespace orrery::text
