// Pictures that a question is about.
#pragma once

#include <string>
#include <vector>

#include "orrery/formats/image.h"

namespace CLI {
class App;
}

namespace orrery::cli {

/// --image, any number of times.
void add_picture_option(CLI::App& command, std::vector<std::string>& files);

/// Turned as their EXIF orientation says. Throws Error naming the first file that is no picture.
std::vector<formats::Image> read_pictures(const std::vector<std::string>& files);

}  // namespace orrery::cli
