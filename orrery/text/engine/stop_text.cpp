#include "orrery/text/engine/stop_text.h"

#include <algorithm>
#include <utility>

namespace orrery::text {

StopText::StopText(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

std::string StopText::push(std::string_view text) {
  if (stopped_) return "";
  held_ += text;
  size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, held_.find(stop));
  if (first != std::string::npos) {
    stopped_ = true;
    held_.resize(first);
    return std::exchange(held_, "");
  }
  size_t open = 0;  // longest tail of held_ that begins a stop string
  for (const std::string& stop : stops_) {
    for (size_t length = std::min(stop.size() - 1, held_.size()); length > open; --length) {
      if (held_.ends_with(std::string_view(stop).substr(0, length))) open = length;
    }
  }
  std::string safe = held_.substr(0, held_.size() - open);
  held_.erase(0, safe.size());
  return safe;
}

std::string StopText::finish() { return std::exchange(held_, ""); }

}  // namespace orrery::text
