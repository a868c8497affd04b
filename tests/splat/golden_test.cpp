// The golden folders scene/ply*: one scene in several files, and what their own programs read from them. Tolerances are
// their README's.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "orrery/formats/gzip.h"
#include "orrery/formats/safetensors.h"
#include "orrery/splat/activation.h"
#include "orrery/splat/file.h"
#include "tests/splat/support.h"

namespace orrery::splat {
namespace {

namespace fs = std::filesystem;

fs::path scene_root() {
  const fs::path source = ORRERY_SOURCE_DIR;
  fs::path root = source.parent_path() / "shared/golden";
  if (!fs::is_directory(root / "scene")) root = source / "tests/fixtures/golden";
  if (const char* chosen = std::getenv("ORRERY_GOLDEN"); chosen && *chosen) root = chosen;
  return root / "scene";
}

std::vector<fs::path> ply_folders() {
  std::vector<fs::path> folders;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(scene_root(), missing)) {
    const std::string name = entry.path().filename();
    if (name.substr(0, name.find('_')) == "ply") folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  return folders;
}

class GoldenPly : public testing::TestWithParam<fs::path> {
 protected:
  GoldenPly() : file_(formats::SafetensorsFile::open(GetParam() / "scene.safetensors")) {}

  std::vector<float> floats(const std::string& name) const {
    const TensorView* tensor = file_.find(name);
    if (tensor == nullptr) throw std::runtime_error("no tensor " + name);
    std::vector<float> values(static_cast<size_t>(tensor->elements()));
    std::memcpy(values.data(), tensor->data, static_cast<size_t>(tensor->bytes));
    return values;
  }

  /// [N, 1, 3] and [N, K-1, 3] as one [N, K, 3]; a readback of a file without harmonics has no f_rest.
  Scene truth(const std::string& prefix = "") const {
    Scene scene;
    scene.means = floats(prefix + "xyz");
    scene.log_scales = floats(prefix + "scale");
    scene.quats = floats(prefix + "rot");
    const std::vector<float> constant = floats(prefix + "f_dc");
    const std::vector<float> rest = file_.find(prefix + "f_rest") ? floats(prefix + "f_rest") : std::vector<float>();
    const size_t count = constant.size() / 3, above = rest.size() / count;
    for (size_t n = 0; n < count; ++n) {
      scene.sh.insert(scene.sh.end(), constant.begin() + 3 * n, constant.begin() + 3 * n + 3);
      scene.sh.insert(scene.sh.end(), rest.begin() + above * n, rest.begin() + above * (n + 1));
    }
    while (3 * sh_coefficients(scene.sh_degree) < static_cast<int>(above + 3)) ++scene.sh_degree;
    scene.opacity_logits = prefix.empty() ? floats("opacity") : std::vector<float>(count);
    return scene;
  }

  /// `what` was read from a file that another program reads as the tensors `prefix`….
  void expect_readback(const Scene& scene, const std::string& prefix, double position) const {
    const Scene want = truth(prefix);
    const std::vector<float> alpha = floats(prefix + "alpha");
    ASSERT_EQ(scene.count(), want.count());
    ASSERT_EQ(scene.sh_degree, want.sh_degree);
    for (size_t i = 0; i < want.means.size(); ++i) ASSERT_NEAR(scene.means[i], want.means[i], position) << i;
    for (size_t i = 0; i < want.means.size(); ++i) ASSERT_NEAR(scene.log_scales[i], want.log_scales[i], 1e-4) << i;
    for (size_t i = 0; i < want.sh.size(); ++i) ASSERT_NEAR(scene.sh[i], want.sh[i], 1e-4) << i;
    for (size_t n = 0; n < alpha.size(); ++n) {
      ASSERT_NEAR(opacity_from_logit(scene.opacity_logits[n]), alpha[n], 1e-4) << n;
      double same = 0, other = 0;  // q and -q
      for (size_t i = 4 * n; i < 4 * n + 4; ++i) {
        same = std::max(same, std::abs(double{scene.quats[i]} - want.quats[i]));
        other = std::max(other, std::abs(double{scene.quats[i]} + want.quats[i]));
      }
      ASSERT_LT(std::min(same, other), 1e-4) << n;
    }
  }

  formats::SafetensorsFile file_;
  TemporaryFolder folder_;
};

TEST_P(GoldenPly, PlyIsReadBitForBit) { expect_same(load(GetParam() / "scene.ply"), truth()); }

TEST_P(GoldenPly, PlyIsWrittenBitForBit) {
  save(folder_.path() / "out.ply", truth());
  EXPECT_TRUE(read_text(folder_.path() / "out.ply") == read_text(GetParam() / "scene.ply"));
}

TEST_P(GoldenPly, SplatIsReadAsItsOwnProgramReadsIt) {
  expect_readback(load(GetParam() / "scene.splat"), "splat_readback.", 0);
}

TEST_P(GoldenPly, SplatIsWrittenByteForByte) {
  save(folder_.path() / "out.splat", truth());
  const std::string got = read_text(folder_.path() / "out.splat"), want = read_text(GetParam() / "scene.splat");
  ASSERT_EQ(got.size(), want.size());
  for (size_t row = 0; row < want.size() / 32; ++row) {
    const auto float_at = [&](const std::string& text, size_t at) {
      float value;
      std::memcpy(&value, text.data() + 32 * row + at, sizeof value);
      return value;
    };
    EXPECT_EQ(got.substr(32 * row, 12), want.substr(32 * row, 12)) << "position " << row;
    for (size_t at = 12; at < 24; at += 4)  // exp, which libraries round differently
      EXPECT_NEAR(float_at(got, at), float_at(want, at), 2e-7 * float_at(want, at)) << "scale " << row;
    EXPECT_EQ(got.substr(32 * row + 24, 8), want.substr(32 * row + 24, 8)) << "colour and rotation " << row;
  }
}

TEST_P(GoldenPly, SpzIsReadAsItsOwnProgramReadsIt) {
  expect_readback(load(GetParam() / "scene_v3.spz"), "spz_v3_readback.", 2e-4);
  expect_readback(load(GetParam() / "scene_v4.spz"), "spz_v4_readback.", 2e-4);
}

TEST_P(GoldenPly, SpzIsWrittenWithinItsBounds) {
  for (const int version : {2, 3, 4}) {
    const Saved saved = save(folder_.path() / "out.spz", truth(), {.spz_version = version});
    const Difference lost = saved.difference.value();
    EXPECT_LE(lost.position.max, 2e-4) << version;
    EXPECT_LE(lost.log_scale.max, 1.0 / 32 + 1e-6) << version;
    EXPECT_LE(lost.opacity.max, 1.0 / 510 + 1e-6) << version;
    EXPECT_LE(lost.colour.max, 0.0131 * kShC0 + 1e-6) << version;
    EXPECT_LE(lost.sh.max, 0.067) << version;
    EXPECT_LE(lost.rotation.max, version == 2 ? 5 : 0.3) << version;
  }
}

std::vector<std::byte> inflated(const fs::path& path) {
  const MappedFile file = MappedFile::open(path);
  formats::GzipReader gzip(file.bytes(), path.string());
  std::vector<std::byte> bytes(1 << 20);
  bytes.resize(gzip.read(bytes));
  return bytes;
}

// What is inside the gzip stream; how tightly it is packed is each library's own affair.
TEST_P(GoldenPly, SpzHasTheBytesThatItsOwnProgramWrites) {
  save(folder_.path() / "out.spz", truth());
  const auto got = inflated(folder_.path() / "out.spz"), want = inflated(GetParam() / "scene_v3.spz");
  ASSERT_EQ(got.size(), want.size());
  size_t different = 0;
  for (size_t i = 0; i < want.size(); ++i) different += got[i] != want[i];
  EXPECT_EQ(different, 0u) << "of " << want.size() << " bytes";
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenPly);
INSTANTIATE_TEST_SUITE_P(Folders, GoldenPly, testing::ValuesIn(ply_folders()), [](const auto& info) {
  std::string name = info.param.filename();
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

}  // namespace
}  // namespace orrery::splat
