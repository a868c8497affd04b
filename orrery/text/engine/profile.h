// Where the time goes.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace orrery::text {

/// Seconds per stage of a step, as the engine's own thread sees them. A stage costs two clock reads.
class Profile {
 public:
  enum Stage {
    kEmbed,
    kNorm,
    kQkv,
    kRope,
    kAttention,
    kPackAttention,
    kOutput,
    kShift,
    kRecurrence,
    kRoute,
    kGateUp,
    kPackMlp,
    kDown,
    kHead,
    kSample,
    kStages
  };
  static constexpr const char* kNames[kStages] = {"embed",       "norm + quantise",    "matmul qkv",     "rope + cache",
                                                  "attention",   "quantise attention", "matmul output",  "token shift",
                                                  "recurrence",  "matmul router",      "matmul gate+up", "quantise mlp",
                                                  "matmul down", "matmul head",        "sample"};

  class Timer {
   public:
    Timer(Profile& profile, Stage stage) : seconds_(profile.seconds_[stage]), start_(Clock::now()) {}
    ~Timer() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }
    Timer(const Timer&) = delete;

   private:
    using Clock = std::chrono::steady_clock;
    double& seconds_;
    Clock::time_point start_;
  };

  void reset() { seconds_.fill(0); }
  std::vector<std::pair<std::string, double>> list() const {
    std::vector<std::pair<std::string, double>> out;
    for (int i = 0; i < kStages; ++i) out.emplace_back(kNames[i], seconds_[i]);
    return out;
  }

 private:
  std::array<double, kStages> seconds_{};
};

}  // namespace orrery::text
