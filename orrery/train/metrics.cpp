#include "orrery/train/metrics.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery::train {

namespace {
namespace fs = std::filesystem;

/// The whole lines of steps up to `last`. A killed run may have left half a line.
std::string kept_lines(const fs::path& file, int64_t last) {
  std::istringstream lines(read_text(file));
  std::string kept;
  for (std::string line; std::getline(lines, line) && !lines.eof();) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("step") && json["step"].is_number_integer() && json["step"] <= last)
      kept += line + "\n";
  }
  return kept;
}

fs::path cut(const fs::path& file, int64_t last) {
  const std::string kept = fs::exists(file) ? kept_lines(file, last) : "";
  AtomicFile out(file);
  out.write(kept);
  out.commit();
  return file;
}

}  // namespace

MetricsLog::MetricsLog(const fs::path& run, int64_t last)
    : lines_(cut(run / "metrics.jsonl", last), std::ios::app), events_(run) {}

void MetricsLog::add(int64_t step, const Metrics& metrics) {
  nlohmann::ordered_json line{{"step", step}};
  for (const auto& [name, value] : metrics) line[name] = value;
  lines_ << line.dump() + "\n" << std::flush;
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  events_.add(step, now, metrics);
  if (!lines_)
    throw Error({.doing = "write a run's metrics", .where = "metrics.jsonl", .found = "no room, or no right to write"});
}

}  // namespace orrery::train
