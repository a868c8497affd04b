// frontier RESULTS.jsonl PICTURE.svg: reward against KL over the seeds, as a table (markdown, on standard output) and
// as a picture. A line of RESULTS is what measure_policy or tilted printed: method, setting, seed, reward, kl.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "orrery/base/file.h"

namespace orrery {
namespace {
using Json = nlohmann::ordered_json;

struct Estimate {
  double mean = 0, standard_error = 0;
};

Estimate estimate(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, count > 1 ? std::sqrt(squares / (count - 1) / count) : 0};
}

/// A method's runs with one setting.
struct Point {
  std::string method, setting;
  std::vector<double> rewards, kls, bounds, lengths;
  Estimate reward() const { return estimate(rewards); }
  Estimate kl() const { return estimate(kls); }
};

/// In the order in which they come first.
std::vector<Point> read(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  std::vector<Point> points;
  std::string line;
  while (std::getline(file, line)) {
    const Json row = Json::parse(line);
    const std::string method = row["method"], setting = row["setting"];
    auto point =
        std::ranges::find_if(points, [&](const Point& p) { return p.method == method && p.setting == setting; });
    if (point == points.end()) point = points.insert(point, {method, setting, {}, {}, {}, {}});
    point->rewards.push_back(row["reward"]);
    point->kls.push_back(row["kl"]);
    if (row.contains("kl_bound")) point->bounds.push_back(row["kl_bound"]);
    if (row.contains("tokens")) point->lengths.push_back(row["tokens"]);
  }
  if (points.empty()) throw std::runtime_error(path + " is empty");
  return points;
}

constexpr const char* kOptimum = "optimum";

/// The largest reward that a policy of this KL can have, by the optimum's points and straight lines between them; they
/// lie on a concave curve, so what this says is a little low. Nothing beyond them.
double best_reward(const std::vector<Point>& points, double kl) {
  std::vector<std::pair<double, double>> curve;
  for (const Point& point : points)
    if (point.method == kOptimum) curve.emplace_back(point.kl().mean, point.reward().mean);
  std::ranges::sort(curve);
  for (size_t i = 1; i < curve.size(); ++i) {
    const auto [x0, y0] = curve[i - 1];
    const auto [x1, y1] = curve[i];
    if (kl >= x0 && kl <= x1) return y0 + (y1 - y0) * (kl - x0) / (x1 - x0);
  }
  return std::nan("");
}

std::string text(const Estimate& e, size_t count) {
  return count > 1 ? fmt::format("{:.2f} ± {:.2f}", e.mean, e.standard_error) : fmt::format("{:.2f}", e.mean);
}

void print_table(const std::vector<Point>& points) {
  fmt::print("| policy | setting | mean reward | KL to the reference | the optimum's reward at this KL | tokens |\n");
  fmt::print("|---|---|---|---|---|---|\n");
  for (const Point& point : points) {
    if (point.method == kOptimum) continue;
    const Estimate kl = point.kl();
    const double best = best_reward(points, kl.mean);
    fmt::print("| {} | {} | {} | {}{} | {} | {} |\n", point.method, point.setting,
               text(point.reward(), point.rewards.size()), text(kl, point.kls.size()),
               point.bounds.empty() ? "" : fmt::format(" (bound {:.2f})", point.bounds[0]),
               std::isnan(best) ? "" : fmt::format("{:.2f}", best),
               point.lengths.empty() ? "" : fmt::format("{:.0f}", estimate(point.lengths).mean));
  }
}

/// Where numbers stand in the picture.
struct Axes {
  static constexpr double kWidth = 760, kHeight = 460, kLeft = 56, kRight = 20, kTop = 44, kBottom = 46;
  double kl_end, reward_begin, reward_end;

  explicit Axes(const std::vector<Point>& points) : kl_end(0), reward_begin(INFINITY), reward_end(-INFINITY) {
    for (const Point& point : points) {
      if (point.method != kOptimum) kl_end = std::max(kl_end, point.kl().mean + point.kl().standard_error);
      reward_begin = std::min(reward_begin, point.reward().mean - point.reward().standard_error);
      reward_end = std::max(reward_end, point.reward().mean + point.reward().standard_error);
    }
    kl_end *= 1.05;
    reward_begin = std::floor(reward_begin * 2) / 2;
    reward_end = std::ceil(reward_end * 2) / 2;
  }
  double x(double kl) const { return kLeft + (kWidth - kLeft - kRight) * kl / kl_end; }
  double y(double reward) const {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * (reward - reward_begin) / (reward_end - reward_begin);
  }
};

std::string axes_svg(const Axes& axes) {
  std::string svg;
  const double left = Axes::kLeft, right = Axes::kWidth - Axes::kRight, bottom = Axes::kHeight - Axes::kBottom;
  for (double reward = axes.reward_begin; reward <= axes.reward_end + 1e-9; reward += 0.5)
    svg += fmt::format(
        "<path d=\"M{} {:.1f}H{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n",
        left, axes.y(reward), right, left - 8, axes.y(reward) + 4, reward);
  double step = 0.5;
  while (axes.kl_end / step > 12) step *= 2;
  for (double kl = 0; kl <= axes.kl_end; kl += step)
    svg += fmt::format(
        "<path d=\"M{:.1f} {}v5\" stroke=\"#333\"/><text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>\n",
        axes.x(kl), bottom, axes.x(kl), bottom + 19, kl);
  return svg + fmt::format(
                   "<path d=\"M{} {}H{}\" stroke=\"#333\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">KL(policy ‖ "
                   "reference) of an answer, nats</text>"
                   "<text transform=\"translate(15 {}) rotate(-90)\" text-anchor=\"middle\">mean reward</text>\n",
                   left, bottom, right, (left + right) / 2, Axes::kHeight - 8, (Axes::kTop + bottom) / 2);
}

std::string curve_svg(const Axes& axes, const std::vector<Point>& points) {
  std::string places;
  for (const Point& point : points)
    if (point.method == kOptimum)
      places += fmt::format(" {:.1f},{:.1f}", axes.x(point.kl().mean), axes.y(point.reward().mean));
  return "<polyline clip-path=\"url(#inside)\" points=\"" + places +
         "\" fill=\"none\" stroke=\"#999\" stroke-width=\"2\" stroke-dasharray=\"5 4\"/>\n";
}

std::string point_svg(const Axes& axes, const Point& point, const std::string& colour) {
  const Estimate kl = point.kl(), reward = point.reward();
  const double x = axes.x(kl.mean), y = axes.y(reward.mean);
  const bool left = x > Axes::kWidth - 100;  // where the setting would leave the picture
  return fmt::format(
      "<path d=\"M{:.1f} {:.1f}H{:.1f}M{:.1f} {:.1f}V{:.1f}\" stroke=\"{}\"/><circle cx=\"{:.1f}\" cy=\"{:.1f}\" "
      "r=\"4\" "
      "fill=\"{}\"><title>{} {}</title></circle><text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"10\" "
      "text-anchor=\"{}\" fill=\"{}\">{}</text>\n",
      axes.x(kl.mean - kl.standard_error), y, axes.x(kl.mean + kl.standard_error), x,
      axes.y(reward.mean - reward.standard_error), axes.y(reward.mean + reward.standard_error), colour, x, y, colour,
      point.method, point.setting, left ? x - 6 : x + 6, y + 12, left ? "end" : "start", colour, point.setting);
}

std::string picture(const std::vector<Point>& points) {
  constexpr std::array kColours = {"#333333", "#7f7f7f", "#1f77b4", "#d62728", "#2ca02c", "#9467bd"};
  const Axes axes(points);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n<clipPath id=\"inside\"><rect x=\"{2}\" y=\"{3}\" "
      "width=\"{4}\" "
      "height=\"{5}\"/></clipPath>\n",
      Axes::kWidth, Axes::kHeight, Axes::kLeft, Axes::kTop, Axes::kWidth - Axes::kLeft - Axes::kRight,
      Axes::kHeight - Axes::kTop - Axes::kBottom);
  svg += axes_svg(axes) + curve_svg(axes, points);
  std::vector<std::string> methods;
  for (const Point& point : points) {
    auto method = std::ranges::find(methods, point.method);
    if (method == methods.end()) method = methods.insert(method, point.method);
    if (point.method != kOptimum)
      svg += point_svg(axes, point, kColours[static_cast<size_t>(method - methods.begin()) % kColours.size()]);
  }
  double x = Axes::kLeft;
  for (size_t i = 0; i < methods.size(); ++i) {  // the legend, above all points
    const bool line = methods[i] == kOptimum;
    svg += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"{}\" fill=\"{}\"/><text x=\"{}\" y=\"24\">{}</text>\n", x,
        line ? 19 : 14, line ? 2 : 12, line ? "#999" : kColours[i % kColours.size()], x + 17, methods[i]);
    x += 42 + 6.5 * static_cast<double>(methods[i].size());
  }
  return svg + "</svg>\n";
}

}  // namespace
}  // namespace orrery

int main(int count, char** arguments) try {
  if (count != 3) {
    fmt::print(stderr, "usage: frontier RESULTS.jsonl PICTURE.svg\n");
    return 2;
  }
  const std::vector<orrery::Point> points = orrery::read(arguments[1]);
  orrery::print_table(points);
  orrery::AtomicFile file(arguments[2]);
  file.write(orrery::picture(points));
  file.commit();
} catch (const std::exception& error) {
  fmt::print(stderr, "frontier: {}\n", error.what());
  return 2;
}
