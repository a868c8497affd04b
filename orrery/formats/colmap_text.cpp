// One entry a line, words between spaces, comments behind #. A photo has two lines: itself, and what it saw.
#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/colmap_forms.h"

namespace orrery::formats {
namespace {

constexpr std::string_view kBlanks = " \t\r";

/// The lines of a file, and the words of the current one.
class Lines {
 public:
  Lines(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  /// Goes to the next line; false at the end of the file.
  bool next() {
    if (text_.empty()) return false;
    const size_t end = text_.find('\n');
    line_ = text_.substr(0, end);
    text_.remove_prefix(end == text_.npos ? text_.size() : end + 1);
    ++number_;
    skip_blanks();
    return true;
  }
  /// Goes to the next line that is neither empty nor a comment.
  bool next_entry() {
    while (next())
      if (!line_.empty() && line_.front() != '#') return true;
    return false;
  }

  bool at_end() const { return line_.empty(); }
  std::string_view word(std::string_view field) {
    if (line_.empty()) fail(field, "the end of the line", "one word more");
    const size_t end = std::min(line_.find_first_of(kBlanks), line_.size());
    const std::string_view word = line_.substr(0, end);
    line_.remove_prefix(end);
    skip_blanks();
    return word;
  }
  /// What is left of the line: a name may have spaces.
  std::string_view rest(std::string_view field) {
    if (line_.empty()) fail(field, "the end of the line", "a name");
    std::string_view rest = line_;
    rest.remove_suffix(rest.size() - rest.find_last_not_of(kBlanks) - 1);
    line_ = {};
    return rest;
  }
  template <class T>
  T number(std::string_view field) {
    const std::string_view text = word(field);
    T value{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size())
      fail(field, printable(text), std::is_integral_v<T> ? "a whole number in range" : "a number");
    return value;
  }
  template <size_t n>
  void numbers(std::array<double, n>& values, std::string_view field) {
    for (double& value : values) value = number<double>(field);
  }

  [[noreturn]] void fail(std::string_view field, std::string found, std::string expected) const {
    throw Error({.doing = kReadingColmap,
                 .where = fmt::format("{}, line {}, {}", name_, number_, field),
                 .found = std::move(found),
                 .expected = std::move(expected)});
  }

 private:
  void skip_blanks() { line_.remove_prefix(std::min(line_.find_first_not_of(kBlanks), line_.size())); }

  std::string_view text_, line_;
  const std::string& name_;
  int64_t number_ = 0;
};

void read_observations(Lines& lines, std::vector<ColmapObservation>& observations) {
  while (!lines.at_end()) {
    ColmapObservation observation;
    observation.x = lines.number<double>("observation");
    observation.y = lines.number<double>("observation");
    observation.point_id = static_cast<uint64_t>(lines.number<int64_t>("observation"));  // -1: kNoPoint
    observations.push_back(observation);
  }
}

}  // namespace

std::vector<ColmapCamera> parse_text_cameras(std::string_view text, const std::string& name) {
  std::vector<ColmapCamera> cameras;
  Lines lines(text, name);
  while (lines.next_entry()) {
    ColmapCamera camera;
    camera.id = lines.number<uint32_t>("camera id");
    const std::string_view model = lines.word("model");
    const CameraModelInfo* info = find_camera_model(model);
    if (info == nullptr) lines.fail("model", printable(model), "one of COLMAP's camera models");
    camera.model = info->model;
    camera.width = lines.number<int64_t>("width");
    camera.height = lines.number<int64_t>("height");
    for (const std::string_view parameter : info->parameters)
      camera.parameters.push_back(lines.number<double>(parameter));
    if (!lines.at_end())
      lines.fail("parameters", fmt::format("more than {}", info->parameters.size()),
                 fmt::format("those of {}", info->name));
    cameras.push_back(std::move(camera));
  }
  return cameras;
}

std::vector<ColmapImage> parse_text_images(std::string_view text, const std::string& name,
                                           const ColmapOptions& options) {
  std::vector<ColmapImage> images;
  Lines lines(text, name);
  while (lines.next_entry()) {
    ColmapImage image;
    image.id = lines.number<uint32_t>("image id");
    lines.numbers(image.rotation, "rotation");
    lines.numbers(image.translation, "translation");
    image.camera_id = lines.number<uint32_t>("camera id");
    image.name = lines.rest("name");
    if (lines.next() && options.observations) read_observations(lines, image.observations);
    images.push_back(std::move(image));
  }
  return images;
}

std::vector<ColmapPoint> parse_text_points(std::string_view text, const std::string& name,
                                           const ColmapOptions& options) {
  std::vector<ColmapPoint> points;
  Lines lines(text, name);
  while (lines.next_entry()) {
    ColmapPoint point;
    point.id = lines.number<uint64_t>("point id");
    lines.numbers(point.position, "position");
    for (uint8_t& channel : point.colour) channel = lines.number<uint8_t>("colour");
    point.error = lines.number<double>("error");
    while (options.observations && !lines.at_end()) {
      const auto image = lines.number<uint32_t>("track"), observation = lines.number<uint32_t>("track");
      point.track.push_back({image, observation});
    }
    points.push_back(std::move(point));
  }
  return points;
}

void write_text(const std::vector<ColmapCamera>& cameras, AtomicFile& file) {
  file.write(
      fmt::format("# Camera list with one line of data per camera:\n"
                  "#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n# Number of cameras: {}\n",
                  cameras.size()));
  for (const ColmapCamera& camera : cameras) {
    file.write(fmt::format("{} {} {} {}", camera.id, info_of(camera.model).name, camera.width, camera.height));
    for (const double parameter : camera.parameters) file.write(fmt::format(" {}", parameter));
    file.write("\n");
  }
}

void write_text(const std::vector<ColmapImage>& images, AtomicFile& file) {
  file.write(
      fmt::format("# Image list with two lines of data per image:\n"
                  "#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n"
                  "#   POINTS2D[] as (X, Y, POINT3D_ID)\n# Number of images: {}\n",
                  images.size()));
  for (const ColmapImage& image : images) {
    const auto& [w, x, y, z] = image.rotation;
    const auto& t = image.translation;
    std::string text = fmt::format("{} {} {} {} {} {} {} {} {} {}\n", image.id, w, x, y, z, t[0], t[1], t[2],
                                   image.camera_id, image.name);
    for (const ColmapObservation& seen : image.observations)
      text += fmt::format("{}{} {} {}", text.back() == '\n' ? "" : " ", seen.x, seen.y,
                          static_cast<int64_t>(seen.point_id));
    file.write(text + "\n");
  }
}

void write_text(const std::vector<ColmapPoint>& points, AtomicFile& file) {
  std::string text = fmt::format(
      "# 3D point list with one line of data per point:\n"
      "#   POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n"
      "# Number of points: {}\n",
      points.size());
  for (const ColmapPoint& point : points) {
    const auto& p = point.position;
    const auto& [r, g, b] = point.colour;
    text += fmt::format("{} {} {} {} {} {} {} {}", point.id, p[0], p[1], p[2], r, g, b, point.error);
    for (const ColmapTrackElement& element : point.track)
      text += fmt::format(" {} {}", element.image_id, element.observation);
    text += '\n';
  }
  file.write(text);
}

}  // namespace orrery::formats
