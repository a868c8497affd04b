// Where a folder of photos was taken from: COLMAP, run as a program (Schönberger and Frahm 2016).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orrery/base/progress.h"

namespace orrery::scene {

enum class Matching {
  kExhaustive,  ///< every photo with every other: time grows with the square of their number
  kSequential,  ///< neighbours by name, for the frames of a video
};

struct PosesOptions {
  std::filesystem::path photos;         ///< a folder of JPEG, PNG or WebP files
  std::filesystem::path out;            ///< the scene's folder: sparse/0, images (a link to the photos), colmap.log
  std::string camera_model = "OPENCV";  ///< COLMAP's name; photos of a fisheye: OPENCV_FISHEYE
  bool single_camera = true;            ///< all photos by one camera at one focal length
  Matching matching = Matching::kExhaustive;
  int max_features = 8192;  ///< of a photo
  int threads = 0;          ///< 0: one per core that this process may use
  ProgressStyle progress = ProgressStyle::kAuto;
};

/// A photo that has no pose, and why that is, as far as COLMAP's log shows it.
struct Unregistered {
  std::string name, reason;
};

struct PosesSummary {
  size_t photos = 0, registered = 0, points = 0;
  size_t other_models = 0;  ///< photos that connect with each other but not with the rest
  std::vector<Unregistered> unregistered;
  std::filesystem::path log;
};

/// Features, matches and the incremental mapper, without GPU or display; what COLMAP says goes to out/colmap.log as it
/// comes. A database that an earlier run left in `out` is used again, so that a run that was cut short goes on. Throws
/// Error where COLMAP is missing (naming Debian's package), where it fails (with the last lines of its log), where
/// there are fewer than two photos, where `out` has a model already, and where no photo could be registered.
PosesSummary find_poses(const PosesOptions& options);

/// What COLMAP's log of feature extraction says of each photo, and how far the work is. For find_poses and its tests.
class ColmapLog {
 public:
  /// Takes a piece of the log, cut anywhere.
  void add(std::string_view text);
  int64_t done() const { return done_; }    ///< files processed, blocks matched, photos registered: of the current step
  int64_t total() const { return total_; }  ///< 0 where the step does not say
  void begin_step() { done_ = total_ = 0; }
  /// Features of a photo; -1 where the log does not say.
  int64_t features(const std::string& name) const;
  std::string last_lines() const;

 private:
  void read_line(std::string_view line);

  std::string partial_, photo_;
  std::vector<std::string> last_;
  std::vector<std::pair<std::string, int64_t>> features_;
  int64_t done_ = 0, total_ = 0;
};

}  // namespace orrery::scene
