// The lines of COLMAP's log that count, of versions 3.6 to 4:
//   Processed file [3/11]            Name:   a.jpg       Features:   7045
//   Matching block [1/2, 1/2] in …   Registering image #4 (3)
#include <algorithm>
#include <charconv>
#include <optional>

#include "orrery/scene/poses/find_poses.h"

namespace orrery::scene {
namespace {

constexpr size_t kLastLines = 12;

/// The number behind the first `mark` in the line.
std::optional<int64_t> number_after(std::string_view line, std::string_view mark) {
  const size_t at = line.find(mark);
  if (at == line.npos) return std::nullopt;
  line.remove_prefix(at + mark.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  int64_t number = 0;
  if (std::from_chars(line.data(), line.data() + line.size(), number).ec != std::errc()) return std::nullopt;
  return number;
}

}  // namespace

void ColmapLog::add(std::string_view text) {
  for (const char c : text) {
    if (c != '\n' && c != '\r') {
      partial_ += c;
      continue;
    }
    read_line(partial_);
    partial_.clear();
  }
}

void ColmapLog::read_line(std::string_view line) {
  if (line.find_first_not_of("= ") == line.npos) return;
  last_.emplace_back(line);
  if (last_.size() > kLastLines) last_.erase(last_.begin());
  for (const std::string_view mark : {"Processed file [", "Matching block [", "Matching image ["}) {
    const auto done = number_after(line, mark);
    if (!done) continue;
    done_ = *done;
    total_ = number_after(line.substr(line.find(mark)), "/").value_or(0);
  }
  if (line.find("Registering image #") != line.npos) {
    const auto done = number_after(line, "num_reg_frames="), before = number_after(line, "(");
    if (done || before) done_ = done.value_or(before.value_or(0));
  }
  constexpr std::string_view kName = "Name:", kFeatures = "Features:";
  if (const size_t at = line.find(kName); at != line.npos) {
    photo_ = line.substr(std::min(line.find_first_not_of(' ', at + kName.size()), line.size()));
  } else if (const auto features = number_after(line, kFeatures); features && !photo_.empty()) {
    features_.emplace_back(photo_, *features);
  }
}

int64_t ColmapLog::features(const std::string& name) const {
  const auto found = std::ranges::find(features_, name, &std::pair<std::string, int64_t>::first);
  return found == features_.end() ? -1 : found->second;
}

std::string ColmapLog::last_lines() const {
  std::string text;
  for (const std::string& line : last_) text += (text.empty() ? "" : " | ") + line;
  return text;
}

}  // namespace orrery::scene
