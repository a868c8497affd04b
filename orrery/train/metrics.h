// A run's numbers: a line per logged step, and TensorBoard's curves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "orrery/train/event_file.h"

namespace orrery::train {

/// By name ("loss", "rewards/margins").
using Metrics = std::map<std::string, double>;

/// RUN/metrics.jsonl and RUN's event file.
class MetricsLog {
 public:
  /// Goes on behind step `last`: lines of later steps, which a killed run wrote after its last checkpoint, are taken
  /// out.
  MetricsLog(const std::filesystem::path& run, int64_t last);
  /// {"step": …, …} in one write.
  void add(int64_t step, const Metrics& metrics);

 private:
  std::ofstream lines_;
  EventFile events_;
};

}  // namespace orrery::train
