// What looks wrong while Gaussians learn.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace orrery::scene {

/// What a step came to.
struct StepSeen {
  double loss = 0, psnr = 0;
  int64_t gaussians = 0;
  bool opacities_fell = false;  ///< behind it, by a reset
};

struct WatchOptions {
  int64_t first_gaussians = 0;
  int64_t densify_from = 0, densify_until = 0;  ///< steps between which they become more
  int64_t max_gaussians = 0;                    ///< 0: no bound
  int64_t room = 0;                             ///< how many the machine's memory holds while they learn
};

/// Notices, each once:
///   a flat loss: its mean over 500 steps is not 0.1 % lower than over the 500 before, and PSNR is under 15 dB
///   too many Gaussians: 20 times the first number, and 200,000, before half of densification
///   too little memory: a quarter of the room is taken, and at the rate of the last 500 steps more will be than it has
class Watch {
 public:
  explicit Watch(const WatchOptions& options) : options_(options) {}

  /// Steps in their order, from 1 or from where a run goes on. Returns what is noticed now: what it is, the usual
  /// causes, what to try.
  std::optional<std::string> see(int64_t step, const StepSeen& seen);

  /// What was noticed so far: "loss", "number", "memory". And what an earlier part of the run had.
  std::vector<std::string> said() const { return {said_.begin(), said_.end()}; }
  void recall(const std::vector<std::string>& said) { said_ = {said.begin(), said.end()}; }

 private:
  std::optional<double> psnr_of_flat_loss(int64_t step) const;
  std::optional<int64_t> too_many_to_come(int64_t step) const;

  const WatchOptions options_;
  std::deque<StepSeen> since_;                         // the last thousand steps since opacities fell
  std::deque<std::pair<int64_t, int64_t>> gaussians_;  // steps and numbers, the last 500 steps'
  std::set<std::string> said_;
};

}  // namespace orrery::scene
