// RUN/report.html: a run's curves and settings as one page.
#pragma once

#include <filesystem>
#include <string>

#include "orrery/train/run_state.h"

namespace orrery::train {

/// The curves of RUN/metrics.jsonl (by uPlot), `settings` as they are, and where a run of `steps` steps stands. The
/// page carries all that it needs and asks no other host for anything: it opens from a disk. Written whole or not at
/// all.
void write_report(const std::filesystem::path& run, const std::string& settings, const RunState& state, int64_t steps);

}  // namespace orrery::train
