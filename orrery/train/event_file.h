// TensorBoard's event files (tensorflow/core/util/event.proto in TFRecord frames), as much as curves need.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace orrery::train {

class EventFile {
 public:
  /// FOLDER/events.out.tfevents.SECONDS.orrery, a new one for each run: TensorBoard joins them by step.
  explicit EventFile(const std::filesystem::path& folder);
  void add(int64_t step, double wall_time, const std::map<std::string, double>& scalars);

 private:
  void write(const std::string& event);
  std::ofstream out_;
};

/// CRC-32C (Castagnoli), which TFRecord frames carry masked.
uint32_t crc32c(std::string_view bytes);

}  // namespace orrery::train
