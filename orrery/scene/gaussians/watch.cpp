#include "orrery/scene/gaussians/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace orrery::scene {

namespace {

constexpr int64_t kWindow = 500;      // steps that are compared with as many before them
constexpr double kLower = 1e-3;       // share that the loss has to fall by
constexpr double kPoorPsnr = 15;      // dB: what has learned something is above it
constexpr int64_t kTimesAsMany = 20;  // of first Gaussians
constexpr int64_t kMany = 200'000;    // where there were few points, 20 times as many are no wonder

}  // namespace

std::optional<std::string> Watch::see(int64_t step, const StepSeen& seen) {
  since_.push_back(seen);
  gaussians_.emplace_back(step, seen.gaussians);
  if (since_.size() > 2 * kWindow) since_.pop_front();
  if (gaussians_.size() > kWindow) gaussians_.pop_front();
  if (seen.opacities_fell) since_.clear();

  if (const std::optional<double> psnr = said_.contains("loss") ? std::nullopt : psnr_of_flat_loss(step)) {
    said_.insert("loss");
    return fmt::format(
        "step {}: the loss is no lower than 500 steps ago, and PSNR is {:.1f} dB: photos and poses do not go together. "
        "Usual causes: poses in another convention (world from camera for camera from world, other axes), or photos "
        "that do not belong to them or to each other. `orrery scene check` says what it sees of that",
        step, *psnr);
  }
  const bool early = step < (options_.densify_from + options_.densify_until) / 2;
  if (!said_.contains("number") && early && seen.gaussians > std::max(kMany, kTimesAsMany * options_.first_gaussians)) {
    said_.insert("number");
    return fmt::format(
        "step {}: {} Gaussians came of {}, before half of densification. Usual causes: poses that are not quite right "
        "(try --pose-lr 0.001), photos that differ in exposure (--exposure) or do not belong together, a threshold "
        "that is too low (raise --densify-grad-threshold). --max-gaussians bounds them",
        step, seen.gaussians, options_.first_gaussians);
  }
  if (const std::optional<int64_t> to_come = said_.contains("memory") ? std::nullopt : too_many_to_come(step)) {
    said_.insert("memory");
    return fmt::format(
        "step {}: {} Gaussians, and some {} by step {} if they go on becoming more as they do; this machine's memory "
        "holds some {}. Bound them with --memory or --max-gaussians, or raise --densify-grad-threshold",
        step, seen.gaussians, *to_come, options_.densify_until, options_.room);
  }
  return std::nullopt;
}

/// The mean of the last steps' PSNR, if their loss is.
std::optional<double> Watch::psnr_of_flat_loss(int64_t step) const {
  if (since_.size() < 2 * kWindow || step % 100 != 0)
    return std::nullopt;  // sums of a thousand numbers cost next to nothing
  StepSeen before, last;
  for (size_t i = 0; i < since_.size(); ++i) {
    StepSeen& sum = i < kWindow ? before : last;
    sum.loss += since_[i].loss;
    sum.psnr += since_[i].psnr;
  }
  const double psnr = last.psnr / kWindow;
  return last.loss > (1 - kLower) * before.loss && psnr < kPoorPsnr ? std::optional(psnr) : std::nullopt;
}

/// How many there will be, if that is more than there is room for.
std::optional<int64_t> Watch::too_many_to_come(int64_t step) const {
  const auto [first_step, first] = gaussians_.front();
  const int64_t now = gaussians_.back().second;
  if (step >= options_.densify_until || now <= first || now < options_.room / 4) return std::nullopt;
  const double rate = static_cast<double>(now - first) / static_cast<double>(step - first_step);
  auto to_come = now + static_cast<int64_t>(rate * static_cast<double>(options_.densify_until - step));
  if (options_.max_gaussians > 0) to_come = std::min(to_come, options_.max_gaussians);
  return to_come > options_.room ? std::optional(to_come) : std::nullopt;
}

}  // namespace orrery::scene
