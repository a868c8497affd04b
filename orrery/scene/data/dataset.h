// A scene ready to train on: views without distortion, pictures on demand, first points.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "orrery/base/camera.h"
#include "orrery/scene/cameras/undistort.h"
#include "orrery/scene/data/raw_scene.h"
#include "orrery/scene/pictures/resize.h"

namespace orrery::scene {

struct DatasetOptions {
  ReadOptions read;
  /// Pictures as many times smaller each way: those of images_N where that folder is there, else our own. 0: the
  /// smallest factor that leaves no side above 1600 pixels, as INRIA's trainer does.
  int downscale = 1;
  Resampling resampling = Resampling::kArea;
  UndistortOptions undistort;
  /// Where the files say no split: every how many-th picture, in the order of names, is for testing (0, 8, 16, …).
  int test_every = kTestEvery;
  /// Where the files have no points: so many, drawn in the box of NeRF's synthetic scenes (±1.3) or around the cameras.
  size_t random_points = 100'000;
  uint64_t seed = 0;
};

struct Frame {
  std::string name;
  View view;  ///< of the picture that load() gives
  std::filesystem::path picture;
  std::filesystem::path mask;  ///< empty where there is none
  double time = 0;             ///< as the file has it; 0 where it has none
  Split split = Split::kTrain;
  size_t camera = 0;           ///< of Dataset::cameras
  std::vector<uint32_t> seen;  ///< rows of Dataset::points that it saw, with ReadOptions::tracks
};

/// How the pictures of one camera become what its view says.
struct DatasetCamera {
  formats::ColmapCamera camera;  ///< at the size of its picture files
  bool bends = false;            ///< they are undistorted, as `undistortion` says
  Undistortion undistortion;
  int width = 0, height = 0;  ///< of the pictures at last
};

/// Plain data: whoever trains may change poses and splits.
struct Dataset {
  std::filesystem::path folder;
  std::string kind;
  std::vector<DatasetCamera> cameras;
  std::vector<Frame> frames;  ///< in the order of their names, those whose picture is there
  formats::PointCloud points;
  bool points_are_random = false;
  bool has_times = false;
  Background background = Background::kBlack;
  std::array<float, 3> centre = {};  ///< mean of the training cameras' places
  /// 1.1 times the largest distance of a training camera from the centre (INRIA's getNerfppNorm), 1 where all stand in
  /// one place. Learning rates and thresholds of 3D Gaussian splatting are in this unit.
  float extent = 1;
  int downscale = 1;
  Resampling resampling = Resampling::kArea;
  /// What was decided on the way, a sentence each: what was left out, what undistorting lost, how pictures were made
  /// smaller (which moves PSNR).
  std::vector<std::string> notes;

  std::vector<size_t> of(Split split) const;  ///< frames of a split
};

/// Reads the scene, looks at the sizes of its pictures and plans what is to be done with them; opens none. Throws Error
/// as read_scene does, and where no picture is there, a picture's shape is not its camera's, or nothing is left to
/// train on.
Dataset open_dataset(const std::filesystem::path& folder, const DatasetOptions& options = {});

/// A frame's picture as its view sees it: decoded, masked, undistorted, made smaller.
Picture load(const Dataset& dataset, size_t frame, ThreadPool& pool);

}  // namespace orrery::scene
