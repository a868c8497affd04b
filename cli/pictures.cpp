#include "cli/pictures.h"

#include <CLI/CLI.hpp>

#include "cli/options.h"

namespace orrery::cli {

void add_picture_option(CLI::App& command, std::vector<std::string>& files) {
  add_repeatable(
      command, "--image", [&files](const std::string& file) { files.push_back(file); },
      "JPEG, PNG or WebP picture that the prompt is about, for a model that sees pictures (Fuyu: one)")
      ->option_text("FILE ...");
}

std::vector<formats::Image> read_pictures(const std::vector<std::string>& files) {
  std::vector<formats::Image> pictures;
  for (const std::string& file : files) pictures.push_back(formats::read_image(file));
  return pictures;
}

}  // namespace orrery::cli
