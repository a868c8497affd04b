// Poses by COLMAP: its log, a program in its place that says what it says, and the real one where it is installed.
#include "orrery/scene/poses/find_poses.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "orrery/base/child_process.h"
#include "orrery/formats/colmap.h"
#include "tests/scene/support.h"

namespace orrery::scene {
namespace {

namespace fs = std::filesystem;

TEST(ColmapLog, OldAndNewVersionsAreUnderstood) {
  ColmapLog log;
  for (const char c : std::string("==========\nProcessed file [3/11]\n  Name:            a b.jpg\n"
                                  "  Dimensions:      800 x 601\n  Features:        7045\n"))
    log.add({&c, 1});  // cut anywhere
  EXPECT_EQ(log.done(), 3);
  EXPECT_EQ(log.total(), 11);
  EXPECT_EQ(log.features("a b.jpg"), 7045);
  EXPECT_EQ(log.features("b.jpg"), -1);
  log.begin_step();
  log.add(
      "I20250412 20:08:49.215745 96464 feature_extraction.cc:258] Processed file [4/9]\n"
      "I20250412 20:08:49.215745 96464 feature_extraction.cc:261]   Name:            c.png\n"
      "I20250412 20:08:49.215745 96464 feature_extraction.cc:303]   Features:        12\n");
  EXPECT_EQ(log.done(), 4);
  EXPECT_EQ(log.features("c.png"), 12);
  log.begin_step();
  log.add("Matching block [2/7, 1/7] in 1.2s\n");
  EXPECT_EQ(log.done(), 2);
  EXPECT_EQ(log.total(), 7);
  log.begin_step();
  log.add("Registering image #537 (702)\n");
  EXPECT_EQ(log.done(), 702);
  log.add("I0 incremental_pipeline.cc:390] Registering image #5 (num_reg_frames=44)\n");
  EXPECT_EQ(log.done(), 44);
  EXPECT_CONTAINS(log.last_lines(), "Registering image #5");
}

/// PATH with a folder of our own before it, restored at the end.
class ProgramsInPath {
 public:
  explicit ProgramsInPath(const fs::path& folder, bool alone = false) : before_(std::getenv("PATH")) {
    ::setenv("PATH", (folder.string() + (alone ? "" : ":" + before_)).c_str(), 1);
  }
  ~ProgramsInPath() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

/// Three photos; a program `colmap` that says what COLMAP 3.8 says and registers the first two, in its second model.
class Poses : public testing::Test {
 protected:
  Poses() {
    for (const char* name : {"photos", "bin", "one", "two"}) fs::create_directories(folder_.path() / name);
    for (const char* name : {"a.png", "b.png", "c.png"})
      std::ofstream(folder_.path() / "photos" / name, std::ios::binary) << png_of(painted(8, 8, [](int x, int y) {
        return std::array<uint8_t, 3>{uint8_t(x), uint8_t(y), 0};
      }));
    formats::ColmapModel model{.cameras = {plausible_camera(formats::CameraModel::kOpenCv)},
                               .images = {{.id = 1, .camera_id = 1, .name = "a.png"}}};
    formats::write_colmap(model, folder_.path() / "one", formats::ColmapForm::kBinary);
    model.images.push_back({.id = 2, .translation = {1, 0, 0}, .camera_id = 1, .name = "b.png"});
    model.points = {{.id = 1}};
    formats::write_colmap(model, folder_.path() / "two", formats::ColmapForm::kBinary);
  }
  void install(const std::string& body) {
    const fs::path program = folder_.write("bin/colmap", "#!/bin/sh\n" + body);
    ::chmod(program.c_str(), 0755);
  }
  std::string script() const {
    return "echo \"$QT_QPA_PLATFORM $*\" >> " + (folder_.path() / "calls").string() +
           R"(
case "$1 $2" in
*--help) echo "  --SiftExtraction.use_gpu arg (=1)  --SiftExtraction.num_threads --SiftMatching.use_gpu --SiftMatching.num_threads --SiftMatching.guided_matching";;
feature_extractor*) printf 'Processed file [1/3]\n  Name: a.png\n  Features: 900\nProcessed file [2/3]\n  Name: b.png\n  Features: 800\nProcessed file [3/3]\n  Name: c.png\n  Features: 12\n';;
exhaustive_matcher*) echo 'Matching block [1/1, 1/1] in 0.1s';;
mapper*) while [ "$1" != --output_path ]; do shift; done
  cp -r )" +
           (folder_.path() / "one").string() + " \"$2/0\"; cp -r " + (folder_.path() / "two").string() +
           R"( "$2/1"; echo 'Registering image #1 (2)';;
esac
)";
  }
  PosesOptions options() const {
    return {.photos = folder_.path() / "photos", .out = folder_.path() / "scene", .progress = ProgressStyle::kNone};
  }

  TemporaryFolder folder_;
};

TEST_F(Poses, TheLargestModelIsKeptAndWhatIsMissingExplained) {
  install(script());
  const ProgramsInPath path(folder_.path() / "bin");
  const PosesSummary summary = find_poses(options());
  EXPECT_EQ(summary.photos, 3u);
  EXPECT_EQ(summary.registered, 2u);
  EXPECT_EQ(summary.points, 1u);
  EXPECT_EQ(summary.other_models, 1u);
  ASSERT_EQ(summary.unregistered.size(), 1u);
  EXPECT_EQ(summary.unregistered[0].name, "c.png");
  EXPECT_CONTAINS(summary.unregistered[0].reason, "only 12 features: blurred");
  const fs::path scene = folder_.path() / "scene";
  EXPECT_EQ(formats::read_colmap(scene / "sparse/0").images.size(), 2u);
  EXPECT_EQ(formats::read_colmap(scene / "sparse/1").images.size(), 1u);
  EXPECT_TRUE(fs::equivalent(scene / "images", folder_.path() / "photos"));
  EXPECT_FALSE(fs::exists(scene / "sparse.making"));
  EXPECT_CONTAINS(read_text(summary.log), "Registering image #1 (2)");
  const std::string calls = read_text(folder_.path() / "calls");
  EXPECT_CONTAINS(calls, "offscreen feature_extractor --database_path");
  EXPECT_CONTAINS(calls, "--SiftExtraction.use_gpu 0");
  EXPECT_CONTAINS(calls, "--SiftMatching.use_gpu 0");
  EXPECT_CONTAINS(error_message([&] { find_poses(options()); }), "sparse: found a model, expected none yet");
}

TEST_F(Poses, TheOptionsOfLaterVersionsAreFound) {
  std::string later = script();
  for (const auto& [from, to] : {std::pair("--SiftExtraction.use_gpu arg", "--FeatureExtraction.use_gpu arg"),
                                 std::pair("--SiftMatching.use_gpu", "--FeatureMatching.use_gpu")})
    later.replace(later.find(from), std::string(from).size(), to);
  install(later);
  const ProgramsInPath path(folder_.path() / "bin");
  find_poses(options());
  const std::string calls = read_text(folder_.path() / "calls");
  EXPECT_CONTAINS(calls, "--FeatureExtraction.use_gpu 0");
  EXPECT_CONTAINS(calls, "--FeatureMatching.use_gpu 0");
}

TEST_F(Poses, AFailureShowsTheEndOfTheLog) {
  install("echo 'no space left on device' >&2; exit 7");
  const ProgramsInPath path(folder_.path() / "bin");
  const std::string message = error_message([&] { find_poses(options()); });
  EXPECT_CONTAINS(message, "colmap feature_extractor: found exit code 7");
  EXPECT_CONTAINS(message, "it ends with: no space left on device");
  EXPECT_FALSE(fs::exists(folder_.path() / "scene/sparse"));
}

TEST_F(Poses, WithoutAModelTheScenesFolderStaysWithout) {
  std::string nothing = script();
  nothing.replace(nothing.find("cp -r"), 5, ": ");
  nothing.replace(nothing.find("cp -r"), 5, ": ");
  install(nothing);
  const ProgramsInPath path(folder_.path() / "bin");
  EXPECT_CONTAINS(error_message([&] { find_poses(options()); }), "found no two photos that COLMAP could place");
  EXPECT_FALSE(fs::exists(folder_.path() / "scene/sparse"));
}

TEST_F(Poses, AMissingProgramIsNamedWithItsPackage) {
  const ProgramsInPath path(folder_.path() / "bin", /*alone=*/true);
  EXPECT_CONTAINS(error_message([&] { find_poses(options()); }),
                  "found no program colmap, expected COLMAP, in a folder of PATH; install it (Debian, Ubuntu: the "
                  "package colmap");
}

TEST_F(Poses, TooFewPhotosAreRefused) {
  install(script());
  const ProgramsInPath path(folder_.path() / "bin");
  PosesOptions few = options();
  few.photos = folder_.path() / "bin";
  EXPECT_CONTAINS(error_message([&] { find_poses(few); }), "found 0 photos, expected at least two");
  few = options();
  few.camera_model = "POLAROID";
  EXPECT_CONTAINS(error_message([&] { find_poses(few); }), "camera model: found POLAROID");
}

TEST(RealColmap, PlacesTheCastle) {
  const auto photos = shared_path("scenes/sceaux/images");
  if (!photos) GTEST_SKIP() << "no ../shared/scenes/sceaux";
  if (!find_program("colmap")) GTEST_SKIP() << "no colmap (Debian's package of that name)";
  if (std::getenv("ORRERY_LONG_TESTS") == nullptr) GTEST_SKIP() << "takes minutes: set ORRERY_LONG_TESTS=1";
  const TemporaryFolder folder;
  const PosesSummary summary = find_poses({.photos = *photos, .out = folder.path(), .camera_model = "PINHOLE"});
  EXPECT_GE(summary.registered, 9u);
  EXPECT_GT(summary.points, 1000u);
}

}  // namespace
}  // namespace orrery::scene
