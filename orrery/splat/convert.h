// One scene file into another: what `orrery scene convert` does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "orrery/splat/edit.h"
#include "orrery/splat/file.h"

namespace orrery::splat {

/// Steps are taken in this order, each where it is asked for.
struct ConvertOptions {
  std::vector<std::filesystem::path> merge;  ///< more scenes, put behind the first
  Filter filter;
  std::optional<Box> crop;  ///< in the axes of the input
  Similarity transform;
  std::optional<int> sh_degree;     ///< harmonics above it are dropped; 0 to kMaxShDegree
  double prune = 0;                 ///< share of the importance (edit.h) that may go, 0 to 1
  int64_t decimate = 0;             ///< Gaussians to keep at most; 0 keeps all
  std::optional<bool> antialiased;  ///< what the file is to say, where the input says nothing or something else
  SaveOptions save;
};

struct Conversion {
  int64_t read = 0, written = 0;  ///< Gaussians
  int read_degree = 0, written_degree = 0;
  bool lost_antialiased = false;  ///< the scene is antialiased and the format cannot say so
  Saved saved;
};

/// Reads `input`, takes the steps, writes `output`. Throws Error naming the file or the option.
Conversion convert(const std::filesystem::path& input, const std::filesystem::path& output,
                   const ConvertOptions& options);

}  // namespace orrery::splat
