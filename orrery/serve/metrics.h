// What /metrics tells: counters and histograms per model, under the names that dashboards of llama.cpp and vLLM know.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "orrery/text/engine/engine.h"

namespace orrery::serve {

/// Cumulative counts in fixed buckets (Prometheus' histogram), in seconds.
class Histogram {
 public:
  static constexpr std::array<double, 18> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                     0.5,   0.75,   1,     2.5,  5,     10,   30,    60,  120};
  void observe(double seconds);
  /// Lines of the exposition format.
  void write(std::string& out, const std::string& name, const std::string& labels) const;

 private:
  std::array<uint64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
  uint64_t total_ = 0;
};

struct ModelMetrics {
  Histogram time_to_first_token, inter_token_latency, request_latency, queue_time;
  uint64_t prompt_tokens = 0, completion_tokens = 0;
  double prompt_seconds = 0, decode_seconds = 0;
  std::map<std::string, uint64_t> finished;  ///< by finish reason
};

/// Used in the server's thread only.
class Metrics {
 public:
  ModelMetrics& of(const std::string& model) { return models_[model]; }
  void count_response(int status) { ++responses_[status]; }

  struct Open {
    std::string model;
    text::EngineLoad load;
    int64_t queued = 0;
  };
  /// Prometheus' text format, version 0.0.4.
  std::string text(const std::vector<Open>& open, int connections) const;

 private:
  std::map<std::string, ModelMetrics> models_;
  std::map<int, uint64_t> responses_;
};

}  // namespace orrery::serve
