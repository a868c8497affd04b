#include "orrery/splat/cameras.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/splat/activation.h"

namespace orrery::splat {

namespace {

using Vector = std::array<double, 3>;
using Quaternion = std::array<double, 4>;  // w x y z
constexpr int kMostSide = 16384;

Vector minus(const Vector& a, const Vector& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Vector unit(const Vector& a) {
  const double length = std::sqrt(dot(a, a));
  return {a[0] / length, a[1] / length, a[2] / length};
}
Vector wide(const std::array<float, 3>& a) { return {a[0], a[1], a[2]}; }

/// Rows: the camera's x, y and z in the world.
void place(View& view, const std::array<Vector, 3>& axes, const Vector& centre) {
  for (size_t row = 0; row < 3; ++row) {
    for (size_t k = 0; k < 3; ++k) view.camera_from_world[4 * row + k] = static_cast<float>(axes[row][k]);
    view.camera_from_world[4 * row + 3] = static_cast<float>(-dot(axes[row], centre));
  }
}

Quaternion quaternion_of(const View& view) {
  const auto& m = view.camera_from_world;
  const double w = m[0] + m[5] + m[10], x = m[0] - m[5] - m[10], y = m[5] - m[0] - m[10], z = m[10] - m[0] - m[5];
  const double most = std::max({w, x, y, z}), half = std::sqrt(most + 1) / 2, rest = 0.25 / half;
  if (most == w) return {half, (m[9] - m[6]) * rest, (m[2] - m[8]) * rest, (m[4] - m[1]) * rest};
  if (most == x) return {(m[9] - m[6]) * rest, half, (m[4] + m[1]) * rest, (m[2] + m[8]) * rest};
  if (most == y) return {(m[2] - m[8]) * rest, (m[4] + m[1]) * rest, half, (m[9] + m[6]) * rest};
  return {(m[4] - m[1]) * rest, (m[2] + m[8]) * rest, (m[9] + m[6]) * rest, half};
}

std::array<Vector, 3> axes_of(const Quaternion& q) {
  const auto [w, x, y, z] = q;
  return {{{1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)},
           {2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)},
           {2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)}}};
}

/// On the sphere, the shorter way (Shoemake 1985).
Quaternion between(const Quaternion& a, Quaternion b, double t) {
  double cosine = 0;
  for (size_t i = 0; i < 4; ++i) cosine += a[i] * b[i];
  if (cosine < 0) {
    for (double& value : b) value = -value;
    cosine = -cosine;
  }
  const double angle = std::acos(std::min(cosine, 1.0)), sine = std::sin(angle);
  const double of_a = sine > 1e-6 ? std::sin((1 - t) * angle) / sine : 1 - t,
               of_b = sine > 1e-6 ? std::sin(t * angle) / sine : t;
  Quaternion q;
  for (size_t i = 0; i < 4; ++i) q[i] = of_a * a[i] + of_b * b[i];
  return q;
}

}  // namespace

std::vector<NamedView> read_cameras(const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& where, const std::string& found, const std::string& expected) {
    throw Error({.doing = "read cameras",
                 .where = path.string() + where,
                 .found = found,
                 .expected = expected,
                 .advice = "cameras.json lies beside a scene that was trained here or by INRIA's program"});
  };
  nlohmann::json list;
  try {
    list = nlohmann::json::parse(read_text(path));
  } catch (const nlohmann::json::exception&) {
    refuse("", "no JSON", "a list of cameras");
  }
  if (!list.is_array() || list.empty()) refuse("", "no list, or an empty one", "a list of cameras");
  std::vector<NamedView> views;
  for (size_t i = 0; i < list.size(); ++i) {
    const auto number = [&](const nlohmann::json& from, const std::string& field) {
      const std::string where = fmt::format(", camera {}, {}", i, field);
      if (!from.is_number()) refuse(where, from.is_null() ? "nothing" : from.dump().substr(0, 40), "a number");
      const double value = from.get<double>();
      if (!std::isfinite(value) || std::abs(value) > 1e9) refuse(where, from.dump(), "a finite number");
      return value;
    };
    const nlohmann::json& camera = list[i];
    if (!camera.is_object()) refuse(fmt::format(", camera {}", i), camera.dump().substr(0, 40), "an object");
    const auto field = [&](const char* name) { return number(camera.value(name, nlohmann::json()), name); };
    NamedView& named = views.emplace_back();
    const nlohmann::json name = camera.value("img_name", nlohmann::json());
    named.name = name.is_string() ? name.get<std::string>() : fmt::format("{:05}", i);
    View& view = named.view;
    for (const auto& [key, side] : {std::pair{"width", &view.width}, {"height", &view.height}}) {
      const double value = field(key);
      if (value < 1 || value > kMostSide || value != std::floor(value))
        refuse(fmt::format(", camera {}, {}", i, key), fmt::format("{}", value),
               fmt::format("1 to {} pixels", kMostSide));
      *side = static_cast<int>(value);
    }
    view.fx = static_cast<float>(field("fx"));
    view.fy = static_cast<float>(field("fy"));
    if (!(view.fx > 0 && view.fy > 0)) refuse(fmt::format(", camera {}, fx, fy", i), "0 or less", "more than 0");
    view.cx = static_cast<float>(camera.contains("cx") ? field("cx") : view.width / 2.0);
    view.cy = static_cast<float>(camera.contains("cy") ? field("cy") : view.height / 2.0);
    const nlohmann::json position = camera.value("position", nlohmann::json()),
                         rotation = camera.value("rotation", nlohmann::json());
    if (!position.is_array() || position.size() != 3)
      refuse(fmt::format(", camera {}, position", i), position.dump().substr(0, 40), "three numbers");
    if (!rotation.is_array() || rotation.size() != 3)
      refuse(fmt::format(", camera {}, rotation", i), rotation.dump().substr(0, 40), "three rows");
    std::array<Vector, 3> axes;
    Vector centre;
    for (size_t row = 0; row < 3; ++row) {
      centre[row] = number(position[row], "position");
      if (!rotation[row].is_array() || rotation[row].size() != 3)
        refuse(fmt::format(", camera {}, rotation", i), rotation.dump().substr(0, 40), "rows of three numbers");
      for (size_t k = 0; k < 3; ++k) axes[k][row] = number(rotation[row][k], "rotation");
    }
    for (size_t a = 0; a < 3; ++a)
      for (size_t b = 0; b <= a; ++b)
        if (std::abs(dot(axes[a], axes[b]) - (a == b)) > 1e-3)
          refuse(fmt::format(", camera {}, rotation", i), rotation.dump().substr(0, 120), "an orthogonal matrix");
    place(view, axes, centre);
    const nlohmann::json photo = camera.value("photo", nlohmann::json());
    if (photo.is_string()) named.photo = path.parent_path() / photo.get<std::string>();
  }
  return views;
}

void write_cameras(const std::filesystem::path& path, const std::vector<NamedView>& views) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& [name, view, photo] : views) {
    const auto& m = view.camera_from_world;
    nlohmann::ordered_json rotation = nlohmann::ordered_json::array();
    for (size_t row = 0; row < 3; ++row) rotation.push_back({m[row], m[4 + row], m[8 + row]});
    list.push_back({{"id", list.size()},
                    {"img_name", name},
                    {"width", view.width},
                    {"height", view.height},
                    {"position", view.centre()},
                    {"rotation", rotation},
                    {"fy", view.fy},
                    {"fx", view.fx},
                    {"cx", view.cx},
                    {"cy", view.cy}});
    if (!photo.empty()) list.back()["photo"] = std::filesystem::proximate(photo, path.parent_path()).string();
  }
  AtomicFile file(path);
  file.write(list.dump() + "\n");
  file.commit();
}

std::string picture_name(const std::string& view_name) {
  std::filesystem::path path = std::filesystem::path(view_name).lexically_normal().relative_path();
  std::string name;
  for (const auto& part : path.replace_extension())
    if (part != "..") name += (name.empty() ? "" : "_") + part.string();
  return name.empty() ? "view" : name;
}

View look_at(const std::array<float, 3>& from, const std::array<float, 3>& to, const std::array<float, 3>& up,
             int width, int height, double degrees) {
  View view{.width = width, .height = height};
  view.fx = view.fy = static_cast<float>(height / 2.0 / std::tan(degrees * M_PI / 360));
  view.cx = static_cast<float>(width) / 2;
  view.cy = static_cast<float>(height) / 2;
  const Vector ahead = unit(minus(wide(to), wide(from)));
  Vector right = cross(ahead, wide(up));
  if (dot(right, right) < 1e-12) right = cross(ahead, std::abs(ahead[0]) < 0.9 ? Vector{1, 0, 0} : Vector{0, 1, 0});
  right = unit(right);
  place(view, {right, cross(ahead, right), ahead}, wide(from));
  return view;
}

std::vector<View> orbit(const Scene& scene, const std::array<float, 3>& up, int count, int width, int height,
                        double degrees) {
  // Where opacity is: its middle, and the radius that four fifths of it lie in.
  Vector middle{};
  double sum = 0;
  std::vector<double> weights(static_cast<size_t>(scene.count()));
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = opacity_from_logit(scene.opacity_logits[i]);
    for (size_t k = 0; k < 3; ++k) middle[k] += weights[i] * scene.means[3 * i + k];
    sum += weights[i];
  }
  for (double& value : middle) value /= std::max(sum, 1e-12);
  std::vector<std::pair<double, double>> distances(weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    const Vector offset = minus({scene.means[3 * i], scene.means[3 * i + 1], scene.means[3 * i + 2]}, middle);
    distances[i] = {std::sqrt(dot(offset, offset)), weights[i]};
  }
  std::ranges::sort(distances);
  double radius = 1, within = 0;
  for (const auto& [distance, weight] : distances) {
    radius = std::max(distance, 1e-6);
    if ((within += weight) > 0.8 * sum) break;
  }
  const double away = 1.2 * radius / std::sin(std::min(degrees, 120.0) * M_PI / 360);
  const Vector axis = unit(wide(up));
  const Vector first = unit(cross(axis, std::abs(axis[0]) < 0.9 ? Vector{1, 0, 0} : Vector{0, 0, 1})),
               second = cross(axis, first);
  std::vector<View> views;
  for (int i = 0; i < count; ++i) {
    const double angle = 2 * M_PI * i / count, height_above = 0.3;
    std::array<float, 3> from, to;
    for (size_t k = 0; k < 3; ++k) {
      const double direction = (std::cos(angle) * first[k] + std::sin(angle) * second[k] + height_above * axis[k]) /
                               std::hypot(1, height_above);
      from[k] = static_cast<float>(middle[k] + away * direction);
      to[k] = static_cast<float>(middle[k]);
    }
    views.push_back(look_at(from, to, up, width, height, degrees));
  }
  return views;
}

std::vector<View> spline(const std::vector<View>& keys, int count) {
  std::vector<View> views;
  const auto last = static_cast<int>(keys.size()) - 1;
  for (int i = 0; i < count; ++i) {
    const double at = count > 1 ? static_cast<double>(i) * last / (count - 1) : 0;
    const int key = std::min(static_cast<int>(at), last - 1);
    const double t = at - key;
    const auto centre = [&](int index) { return wide(keys[static_cast<size_t>(std::clamp(index, 0, last))].centre()); };
    const Vector p0 = centre(key - 1), p1 = centre(key), p2 = centre(key + 1), p3 = centre(key + 2);
    Vector place_at;
    for (size_t k = 0; k < 3; ++k)
      place_at[k] = 0.5 * (2 * p1[k] + (p2[k] - p0[k]) * t + (2 * p0[k] - 5 * p1[k] + 4 * p2[k] - p3[k]) * t * t +
                           (3 * p1[k] - p0[k] - 3 * p2[k] + p3[k]) * t * t * t);
    View view = keys[0];
    place(view,
          axes_of(between(quaternion_of(keys[static_cast<size_t>(key)]),
                          quaternion_of(keys[static_cast<size_t>(key) + 1]), t)),
          place_at);
    views.push_back(view);
  }
  return views;
}

}  // namespace orrery::splat
