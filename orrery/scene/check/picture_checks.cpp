// Checks of the pictures themselves.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "orrery/scene/check/checks.h"

namespace orrery::scene {
namespace {

template <class Test>
std::vector<size_t> frames_where(const Examined& examined, const Test& test) {
  std::vector<size_t> frames;
  for (size_t i = 0; i < examined.facts.size(); ++i)
    if (test(examined.facts[i])) frames.push_back(i);
  return frames;
}

bool is_read(const PictureFacts& facts) { return !facts.missing && facts.problem.empty(); }

}  // namespace

std::string listed(const RawScene& scene, const std::vector<size_t>& frames, const std::string& what) {
  constexpr size_t kShown = 3;
  std::string names;
  for (size_t i = 0; i < std::min(frames.size(), kShown); ++i)
    names += (i > 0 ? ", " : "") + scene.frames[frames[i]].name;
  return fmt::format("{} {}{} ({}{})", frames.size(), what, frames.size() == 1 ? "" : "s", names,
                     frames.size() > kShown ? ", …" : "");
}

void check_pictures(const Examined& examined, Findings& findings) {
  const RawScene& scene = examined.scene;
  const auto missing = frames_where(examined, [](const PictureFacts& f) { return f.missing; });
  const auto broken = frames_where(examined, [](const PictureFacts& f) { return !f.problem.empty(); });
  if (missing.size() == scene.frames.size())
    findings.push_back({Weight::kFatal, fmt::format("all {} pictures are missing, such as {}", missing.size(),
                                                    scene.frames.front().picture.string())});
  else if (!missing.empty())
    findings.push_back({Weight::kWarning, listed(scene, missing, "picture") + " missing: their poses are left out"});
  if (!broken.empty())
    findings.push_back({Weight::kFatal, listed(scene, broken, "picture") +
                                            " that cannot be read: " + examined.facts[broken.front()].problem});
  constexpr size_t kFew = 10;
  const size_t left = scene.frames.size() - missing.size() - broken.size();
  if (left > 0 && left < kFew)
    findings.push_back(
        {Weight::kWarning, fmt::format("only {} pictures: new views will be poor away from them", left)});
  constexpr double kFlat = 2;
  const auto flat = frames_where(examined, [](const PictureFacts& f) { return is_read(f) && f.contrast < kFlat; });
  if (!flat.empty()) findings.push_back({Weight::kWarning, listed(scene, flat, "picture") + " of one colour only"});
}

void check_unregistered(const Examined& examined, Findings& findings) {
  const auto& names = examined.scene.unregistered;
  if (names.empty()) return;
  const double share = static_cast<double>(names.size()) / static_cast<double>(names.size() + examined.facts.size());
  findings.push_back(
      {share > 0.1 ? Weight::kWarning : Weight::kNote,
       fmt::format("{} pictures of {} have no pose ({}{}): usually blurred, or without enough overlap with the others",
                   names.size(), names.size() + examined.facts.size(), names.front(), names.size() > 1 ? ", …" : "")});
}

void check_duplicates(const Examined& examined, Findings& findings) {
  constexpr size_t kNear = 6;     // bits of 256; pictures of a scene a step apart differ in 20 and more
  constexpr size_t kMost = 4000;  // each with each
  constexpr double kPlain = 8;    // a picture of little but background has little to tell it by
  const auto& facts = examined.facts;
  std::vector<size_t> exact, near;
  for (size_t i = 0; i < std::min(facts.size(), kMost); ++i)
    for (size_t k = i + 1; is_read(facts[i]) && k < std::min(facts.size(), kMost); ++k) {
      // The same place at another time may well look the same.
      if (!is_read(facts[k]) || examined.scene.frames[i].time != examined.scene.frames[k].time) continue;
      const bool same = facts[i].digest == facts[k].digest && facts[i].width == facts[k].width;
      const bool alike = facts[i].contrast > kPlain && (facts[i].hash ^ facts[k].hash).count() <= kNear &&
                         std::abs(facts[i].exposure - facts[k].exposure) < 0.1;
      if (same) exact.push_back(k);
      if (!same && alike) near.push_back(k);
    }
  const auto report = [&](std::vector<size_t>& frames, const std::string& what) {
    std::ranges::sort(frames);
    frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
    if (!frames.empty()) findings.push_back({Weight::kWarning, listed(examined.scene, frames, "picture") + what});
  };
  report(exact, " that another one equals, pixel by pixel: of test pictures among them PSNR says nothing");
  report(near, " that look the same as another one: they add time and no views, and test pictures among them flatter");
}

void check_exposure(const Examined& examined, Findings& findings) {
  constexpr size_t kAround = 3;  // neighbours by name on either side: usually taken one after another
  constexpr double kJump = 0.7;  // stops
  std::vector<size_t> read = frames_where(examined, is_read), jumps;
  double largest = 0;
  for (size_t i = 0; i < read.size() && read.size() > kAround; ++i) {
    std::vector<double> around;
    for (size_t k = i > kAround ? i - kAround : 0; k < std::min(read.size(), i + kAround + 1); ++k)
      if (k != i) around.push_back(examined.facts[read[k]].exposure);
    const auto middle = around.begin() + static_cast<std::ptrdiff_t>(around.size() / 2);
    std::nth_element(around.begin(), middle, around.end());
    const double jump = std::abs(examined.facts[read[i]].exposure - *middle);
    if (jump < kJump) continue;
    jumps.push_back(read[i]);
    largest = std::max(largest, jump);
  }
  if (jumps.empty()) return;
  findings.push_back(
      {jumps.size() * 10 > read.size() ? Weight::kWarning : Weight::kNote,
       listed(examined.scene, jumps, "picture") +
           fmt::format(" brighter or darker than their neighbours, by {:.1f} stops at most: scene train --exposure (or "
                       "--bilateral-grid) helps where the light did not really change",
                       largest)});
}

}  // namespace orrery::scene
