// Gaussian scenes in the files that people have.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/splat/difference.h"
#include "orrery/splat/scene.h"

namespace orrery::splat {

/// What a writer may be told.
struct SaveOptions {
  std::string format;    ///< a Format's name; empty: as the file's name ends
  int spz_version = 3;   ///< 2 and 3 are gzip, 4 is zstd; most viewers know 3
  int ksplat_level = 1;  ///< 0: float32, 1: 16 bits, 2: 16 bits and bytes for the harmonics
};

/// One kind of file.
struct Format {
  std::string_view name;       ///< "compressed.ply": what --format takes
  std::string_view extension;  ///< ".compressed.ply"
  bool lossy = false;
  int max_sh_degree = kMaxShDegree;
  bool keeps_antialiased = false;
  bool (*recognises)(std::span<const std::byte> bytes) = nullptr;
  /// `path` names the file in messages; SOG's pictures lie beside it.
  Scene (*read)(std::span<const std::byte> bytes, const std::filesystem::path& path) = nullptr;
  /// Returns whose row is whose: row i of the file is Gaussian order[i]; empty where rows keep their places.
  std::vector<int64_t> (*write)(const Scene& scene, const std::filesystem::path& path,
                                const SaveOptions& options) = nullptr;
};

/// All of them. Files are tried in this order, the one without a magic last.
std::span<const Format> formats();

/// The format of these bytes by what they are, whatever they are called; nullptr where none knows them.
const Format* recognise(std::span<const std::byte> bytes);

struct LoadedScene {
  Scene scene;
  const Format* format = nullptr;
  uint64_t bytes = 0;  ///< of the file; of meta.json where it is a SOG folder
};

/// Reads a scene: a .ply (INRIA's, SuperSplat's compressed), .splat, .spz, .ksplat or SOG file, a SOG folder or its
/// meta.json. Throws Error naming file and field: another kind of file, counts that the file cannot hold, damage.
/// Memory stays in proportion to the file.
LoadedScene load_scene(const std::filesystem::path& path);
inline Scene load(const std::filesystem::path& path) { return load_scene(path).scene; }

struct Saved {
  const Format* format = nullptr;
  uint64_t bytes = 0;
  std::optional<Difference> difference;  ///< of what was written, read back, where the format is lossy
};

/// Writes a scene, wholly or not at all (a SOG folder too), and reads a lossy one back to tell what was lost. Rows may
/// be reordered; harmonics above the format's degree are left out. Throws Error for a name that says no format, and for
/// an empty scene.
Saved save(const std::filesystem::path& path, const Scene& scene, const SaveOptions& options = {});

/// save() as INRIA's .ply, without a copy of the values.
void save_ply(const std::filesystem::path& path, const SceneSpans& scene);

/// The format that options or the path's end name. Throws Error listing those that there are.
const Format& format_for(const std::filesystem::path& path, const SaveOptions& options);

}  // namespace orrery::splat
