// OpenSfM's reconstruction.json, also OpenDroneMap's (opensfm.org/docs/dataset.html#reconstruction-file-format).
#pragma once

#include "orrery/formats/colmap.h"

namespace orrery::formats {

struct OpenSfmModel {
  ColmapModel model;                 ///< in COLMAP's terms; ids count from 1
  size_t other_reconstructions = 0;  ///< smaller ones that the file holds besides and that were left out
};

/// The reconstruction with the most photos. OpenSfM's cameras are measured in units of the longer side with the origin
/// in the picture's middle; perspective, simple_radial, radial, brown, fisheye, fisheye_opencv and spherical become
/// RADIAL, FULL_OPENCV, RADIAL_FISHEYE, OPENCV_FISHEYE and EQUIRECTANGULAR. Throws Error naming the file and the field;
/// fisheye62, fisheye624 and dual are refused by their names.
OpenSfmModel read_opensfm(const std::filesystem::path& path);
OpenSfmModel parse_opensfm(std::span<const std::byte> bytes, const std::string& name);

}  // namespace orrery::formats
