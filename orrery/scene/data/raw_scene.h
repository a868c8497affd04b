// A scene as its files describe it, before any picture is opened.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "orrery/formats/colmap.h"
#include "orrery/formats/point_cloud.h"

namespace orrery::scene {

enum class Split { kTrain, kTest, kValidation };

/// What stands behind a picture that is in part transparent.
enum class Background {
  kBlack,
  kWhite,
  kRandom,  ///< another colour at each step of training, so that no colour can hide; evaluation is over black
};

struct RawFrame {
  std::string name;                            ///< as the file calls it; frames are in the order of their names
  size_t camera = 0;                           ///< of RawScene::cameras
  std::array<double, 16> camera_from_world{};  ///< as View's
  std::filesystem::path picture;               ///< may be missing
  std::filesystem::path mask;                  ///< empty where there is none
  std::optional<double> time;
  std::optional<Split> split;  ///< where the file says it
  std::vector<uint32_t>
      seen;  ///< rows of RawScene::points, ascending; with ReadOptions::tracks, where the file says it

  /// Where the camera stands.
  std::array<double, 3> centre() const;
};

struct RawScene {
  std::filesystem::path folder;
  std::string kind;  ///< "COLMAP", "transforms.json", …
  std::vector<formats::ColmapCamera> cameras;
  std::vector<RawFrame> frames;
  formats::PointCloud points;
  bool points_are_random = false;  ///< the scene had none
  Background background = Background::kBlack;
  /// Pictures in the scene's folder that have no pose, relative to it.
  std::vector<std::string> unregistered;
  std::vector<std::string> notes;  ///< what the reader decided and whoever trains wants to know
};

enum class SceneFormat { kAuto, kColmap, kTransforms, kOpenSfm };

struct ReadOptions {
  SceneFormat format = SceneFormat::kAuto;
  std::string images = "images";  ///< COLMAP and OpenSfM: the folder of photos
  std::string masks = "masks";    ///< of masks under the photos' names, with .png in place of or behind their extension
  bool tracks = false;            ///< which points each photo saw is wanted too; COLMAP's models alone say it
  int downscale = 1;              ///< pictures of images_2, images_4, … are taken where that folder is there
};

/// Reads the scene in a folder: a COLMAP model (sparse/0, sparse, or the folder itself), transforms_train.json (NeRF's
/// synthetic scenes, D-NeRF), transforms.json (nerfstudio, instant-ngp) or reconstruction.json (OpenSfM), the first of
/// these that is there or the one that is asked for. Throws Error naming the folder and what was looked for, or what
/// the formats' readers throw.
RawScene read_scene(const std::filesystem::path& folder, const ReadOptions& options = {});

/// Where the files say no split: every test_every-th frame is for testing (none with 0), the others for training.
void set_splits(RawScene& scene, int test_every);
inline constexpr int kTestEvery = 8;  // INRIA's and Mip-NeRF 360's rule

}  // namespace orrery::scene
