// Every kind of file, there and back.
#include "orrery/splat/file.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/splat/activation.h"
#include "tests/splat/support.h"

namespace orrery::splat {
namespace {

namespace fs = std::filesystem;

/// What a format may lose of random_scene's scenes.
struct Bounds {
  std::string name;  ///< of the file: it says the format
  SaveOptions options;
  double position, log_scale, rotation, opacity, colour, sh;
};

void PrintTo(const Bounds& bounds, std::ostream* out) { *out << bounds.name; }

// Positions: half a step. A chunk or a bucket spans 8 units here at most; SOG's steps grow with the distance, to 8
// ln(5)/65535 times 5. Rotations: half a step of √2/1023 in three components, and what that makes of the fourth. Scales
// in float16 are 2^-11 of themselves. 1/510 is half a byte. Version 2 of spz has bytes for x, y, z alone: where w is
// near 0, |xyz|² that is off by 2√3/255 gives a w of 0.117, 13.4 degrees. What SOG loses of harmonics is its codebook's
// step, because a scene of 1024 has a set for each. ksplat and splat lose those that they have no room for.
const Bounds kBounds[] = {
    {"a.ply", {}, 0, 0, 0, 0, 0, 0},
    {"a.compressed.ply", {}, 8.0 / 2046, 5.0 / 2046, 0.3, 1.0 / 510, 0.002, 8.0 / 512},
    {"a.splat", {}, 0, 1e-6, 2, 1.0 / 255, 1.0 / 255, 1},
    {"v2.spz", {.spz_version = 2}, 1.3e-4, 1.0 / 32, 13.5, 1.0 / 510, 0.004, 0.067},
    {"v3.spz", {.spz_version = 3}, 1.3e-4, 1.0 / 32, 0.3, 1.0 / 510, 0.004, 0.067},
    {"v4.spz", {.spz_version = 4}, 1.3e-4, 1.0 / 32, 0.3, 1.0 / 510, 0.004, 0.067},
    {"0.ksplat", {.ksplat_level = 0}, 0, 1e-6, 1e-4, 1.0 / 510, 1.0 / 510, 0.9},
    {"1.ksplat", {.ksplat_level = 1}, 5.0 / 65534, 1.0 / 2048, 0.1, 1.0 / 510, 1.0 / 510, 0.9},
    {"2.ksplat", {.ksplat_level = 2}, 5.0 / 65534, 1.0 / 2048, 0.1, 1.0 / 510, 1.0 / 510, 0.9},
    {"a.sog", {}, 2e-4, 0.02, 1, 1.0 / 510, 0.004, 0.01},
    {"folder", {.format = "sog"}, 2e-4, 0.02, 1, 1.0 / 510, 0.004, 0.01},
};

class SceneFile : public testing::TestWithParam<Bounds> {
 protected:
  fs::path path() const { return folder_.path() / GetParam().name; }
  TemporaryFolder folder_;
};

TEST_P(SceneFile, ComesBackWithinItsBounds) {
  constexpr double kRoom = 1e-6;
  for (const int degree : {0, 1, 2, 3}) {
    for (const int64_t count : {1, 7, 256, 257, 1000}) {  // below, at and past a chunk
      Scene scene = random_scene(count, degree, static_cast<uint32_t>(10 * count + degree));
      for (float& value : scene.sh) value = std::clamp(value, -1.0f, 1.0f);
      fs::remove_all(path());
      const Saved saved = save(path(), scene, GetParam().options);
      EXPECT_EQ(saved.difference.has_value(), saved.format->lossy);
      const LoadedScene read = load_scene(path());
      ASSERT_EQ(read.format, saved.format) << "recognised by its content";
      ASSERT_EQ(read.scene.count(), count);
      EXPECT_EQ(read.scene.sh_degree, std::min(degree, read.format->max_sh_degree));
      if (!saved.difference) {
        expect_same(read.scene, scene);
        continue;
      }
      const Difference& lost = *saved.difference;
      EXPECT_LE(lost.position.max, GetParam().position + kRoom) << count << " of degree " << degree;
      EXPECT_LE(lost.log_scale.max, GetParam().log_scale + kRoom) << count << " of degree " << degree;
      EXPECT_LE(lost.rotation.max, GetParam().rotation + kRoom) << count << " of degree " << degree;
      EXPECT_LE(lost.opacity.max, GetParam().opacity + kRoom) << count << " of degree " << degree;
      EXPECT_LE(lost.colour.max, GetParam().colour + kRoom) << count << " of degree " << degree;
      EXPECT_LE(lost.sh.max, GetParam().sh + kRoom) << count << " of degree " << degree;
    }
  }
}

// Training's way: without a Scene.
TEST(SavePly, WritesWhatLiesElsewhere) {
  const TemporaryFolder folder;
  Scene scene = random_scene(1030, 2);
  scene.antialiased = true;
  const std::vector<float> means = scene.means, sh = scene.sh;
  save_ply(folder.path() / "a.ply",
           {means, scene.log_scales, scene.quats, scene.opacity_logits, sh, scene.sh_degree, scene.antialiased});
  expect_same(load(folder.path() / "a.ply"), scene);
  EXPECT_TRUE(load(folder.path() / "a.ply").antialiased);
  EXPECT_THROW(save_ply(folder.path() / "b.ply", {}), Error);
  EXPECT_FALSE(fs::exists(folder.path() / "b.ply"));
}

// A second way through the same format loses nothing more: no drift.
TEST_P(SceneFile, IsStableWhenItIsWrittenAgain) {
  save(path(), random_scene(300, 2), GetParam().options);
  const Scene once = load(path());
  fs::remove_all(path());
  const Saved again = save(path(), once, GetParam().options);
  if (!again.difference) return;
  EXPECT_LE(again.difference->position.max, 2e-6);
  EXPECT_LE(again.difference->opacity.max, 1e-6);
  EXPECT_LE(again.difference->colour.max, 1e-6);
}

TEST_P(SceneFile, KeepsThatItIsAntialiased) {
  Scene scene = random_scene(20, 1);
  scene.antialiased = true;
  const Saved saved = save(path(), scene, GetParam().options);
  EXPECT_EQ(load(path()).antialiased, saved.format->keeps_antialiased);
}

// What is no number is written as something, and takes nothing else along.
TEST_P(SceneFile, SurvivesWhatIsNoNumber) {
  Scene scene = random_scene(600, 1);
  const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  scene.means[3] = nan;
  scene.means[8] = infinity;
  scene.log_scales[30] = -infinity;
  scene.log_scales[34] = nan;
  scene.quats[40] = nan;
  for (int i = 44; i < 48; ++i) scene.quats[i] = 0;
  scene.opacity_logits[13] = infinity;
  scene.opacity_logits[14] = nan;
  scene.sh[12 * 15] = nan;
  scene.sh[12 * 16 + 5] = -infinity;
  const Saved saved = save(path(), scene, GetParam().options);
  EXPECT_EQ(load(path()).count(), 600);
  if (saved.difference) {
    EXPECT_LE(saved.difference->position.rms, 0.01);
  }
  std::ranges::fill(scene.means, nan);
  fs::remove_all(path());
  save(path(), select(scene, std::vector<int64_t>{0, 1, 2}), GetParam().options);
  EXPECT_EQ(load(path()).count(), 3);
}

TEST_P(SceneFile, RefusesAnEmptyScene) {
  EXPECT_CONTAINS(error_message([&] { save(path(), Scene{}, GetParam().options); }), "no Gaussians");
  EXPECT_FALSE(fs::exists(path()));
}

INSTANTIATE_TEST_SUITE_P(All, SceneFile, testing::ValuesIn(kBounds), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

std::string raw(const std::vector<float>& values, bool swapped = false) {
  std::string text(reinterpret_cast<const char*>(values.data()), 4 * values.size());
  for (size_t i = 0; swapped && i < text.size(); i += 4) std::reverse(text.begin() + i, text.begin() + i + 4);
  return text;
}

const std::vector<std::string> kShuffled = {"opacity", "rot_3",  "x",      "scale_2", "extra",  "rot_1", "scale_0", "y",
                                            "rot_0",   "f_dc_1", "f_dc_0", "z",       "f_dc_2", "rot_2", "scale_1"};

std::string shuffled_header(const std::string& format) {
  std::string text = "ply\nformat " + format + " 1.0\ncomment antialiased 1\nelement vertex 2\n";
  for (const std::string& name : kShuffled) text += "property float " + name + "\n";
  return text + "element face 3\nproperty list uchar int vertex_indices\nend_header\n";
}

// One file in any order of properties, in both byte orders and in ASCII.
TEST(Ply, PropertiesAreFoundByNameInEveryEncoding) {
  const TemporaryFolder folder;
  std::vector<float> values;
  for (size_t i = 0; i < 2 * kShuffled.size(); ++i) values.push_back(0.25f * static_cast<float>(i) - 3);
  std::string ascii;
  for (const float value : values) ascii += std::to_string(value) + (ascii.size() % 3 ? " " : "\r\n");
  const std::pair<const char*, std::string> files[] = {
      {"binary_little_endian", raw(values)}, {"binary_big_endian", raw(values, true)}, {"ascii", ascii}};
  for (const auto& [format, rows] : files) {
    const Scene scene = load(folder.write("any.ply", shuffled_header(format) + rows));
    ASSERT_EQ(scene.count(), 2) << format;
    const auto value = [&](const char* name) {
      return values[kShuffled.size() + static_cast<size_t>(std::ranges::find(kShuffled, name) - kShuffled.begin())];
    };
    EXPECT_EQ(scene.means[5], value("z")) << format;
    EXPECT_EQ(scene.quats[4], value("rot_0")) << format;
    EXPECT_EQ(scene.quats[7], value("rot_3")) << format;
    EXPECT_EQ(scene.log_scales[4], value("scale_1")) << format;
    EXPECT_EQ(scene.opacity_logits[1], value("opacity")) << format;
    EXPECT_EQ(scene.sh, (std::vector<float>{scene.sh[0], scene.sh[1], scene.sh[2], value("f_dc_0"), value("f_dc_1"),
                                            value("f_dc_2")}))
        << format;
    EXPECT_TRUE(scene.antialiased) << format;
  }
}

TEST(Ply, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& text) {
    return error_message([&] { load(folder.write("bad.ply", text)); });
  };
  const std::string points =
      "ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
      "end_header\n" +
      std::string(12, '\0');
  EXPECT_CONTAINS(refusal(points), "found no property scale_0");
  EXPECT_CONTAINS(refusal(points), "is it a point cloud or a mesh?");
  std::string odd = shuffled_header("binary_little_endian");
  odd.replace(odd.find("property float extra"), 20, "property float f_rest_0");
  EXPECT_CONTAINS(refusal(odd + std::string(2 * 15 * 4, '\0')), "f_rest: found 1 properties, expected 0, 9, 24 or 45");
  EXPECT_CONTAINS(refusal(shuffled_header("binary_middle_endian")), "binary_middle_endian");
  EXPECT_CONTAINS(refusal(shuffled_header("binary_little_endian") + "short"), "2 × 60 bytes");
  EXPECT_CONTAINS(refusal("ply\nformat ascii 1.0\n"), "no end_header");
}

TEST(SceneFiles, AreRecognisedWhateverTheirNames) {
  const TemporaryFolder folder;
  for (const Format& format : formats()) {
    const fs::path path = folder.path() / ("scene" + std::string(format.extension));
    save(path, random_scene(5, 1));
    fs::rename(path, folder.path() / "anything.bin");
    EXPECT_EQ(load_scene(folder.path() / "anything.bin").format, &format) << format.name;
  }
}

TEST(SceneFiles, OtherFilesAreRefusedByWhatTheyAre) {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& text) {
    return error_message([&] { load(folder.write("scene.splat", text)); });
  };
  EXPECT_CONTAINS(refusal(""), "an empty file");
  EXPECT_CONTAINS(refusal("GGUF" + std::string(60, 'x')), "a file that begins with \"GGUFxxxx");
  EXPECT_CONTAINS(refusal("Thirty-two letters are no scene."), "expected one of compressed.ply, ply, spz, sog, ksplat");
  EXPECT_CONTAINS(error_message([&] { save(folder.path() / "scene.obj", random_scene(1, 0)); }),
                  "found a name that says no format");
  EXPECT_CONTAINS(error_message([&] { save(folder.path() / "a", random_scene(1, 0), {.format = "gltf"}); }),
                  "--format: found gltf");
}

TEST(Spz, OtherAxesAreUnderstood) {  // Adobe's extension behind version 3's rows, and before version 4's table
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "scene.spz";
  const Scene scene = random_scene(4, 3);
  save(path, scene, {.spz_version = 4});
  std::string text = read_text(path);
  const auto number = [](uint32_t value) { return std::string(reinterpret_cast<const char*>(&value), 4); };
  text[14] = 2;
  text.replace(16, 4, number(44));
  text.insert(32, number(0xADBE0003) + number(4) + number(6));  // RDF: ours
  const Scene plain = load(path), turned = load(folder.write("turned.spz", text));
  for (int64_t n = 0; n < scene.count(); ++n) {
    EXPECT_EQ(turned.means[3 * n], plain.means[3 * n]);
    EXPECT_EQ(turned.means[3 * n + 1], -plain.means[3 * n + 1]);
    EXPECT_EQ(turned.means[3 * n + 2], -plain.means[3 * n + 2]);
    // Seen from the mirrored side, everything looks as it did.
    std::mt19937 random(3);
    for (int trial = 0; trial < 5; ++trial) {
      const Direction d = random_direction(random);
      EXPECT_NEAR(sh_sum(turned, n, 1, {d[0], -d[1], -d[2]}), sh_sum(plain, n, 1, d), 1e-5);
    }
  }
}

TEST(Sog, VersionOneIsRead) {
  const TemporaryFolder folder;
  const Scene scene = random_scene(50, 1);
  save(folder.path() / "two", scene, {.format = "sog"});
  nlohmann::json meta = nlohmann::json::parse(read_text(folder.path() / "two/meta.json"));
  meta.erase("version");
  meta.erase("count");
  meta["means"]["shape"] = {50, 3};
  const auto ranges = [](nlohmann::json& part, auto low, auto high) {
    part.erase("codebook");
    part["mins"] = low;
    part["maxs"] = high;
  };
  using List = std::vector<float>;
  ranges(meta["scales"], List{-6, -5, -4}, List{-1, 0, 1});
  ranges(meta["sh0"], List{-1, -1, -1, -8}, List{1, 1, 1, 8});
  ranges(meta["shN"], -0.5f, 0.5f);
  const Scene two = load(folder.path() / "two");
  folder.write("two/meta.json", meta.dump());
  const Scene one = load(folder.path() / "two/meta.json");
  EXPECT_EQ(one.means, two.means);
  EXPECT_EQ(one.quats, two.quats);
  EXPECT_EQ(one.sh_degree, 1);
  for (int64_t n = 0; n < 50; ++n) {
    const double byte = std::round(255 * opacity_from_logit(two.opacity_logits[n]));
    EXPECT_NEAR(one.opacity_logits[n], -8 + 16 * byte / 255, 1e-4);
    for (int axis = 0; axis < 3; ++axis) {
      EXPECT_GE(one.log_scales[3 * n + axis], -6 + axis);
      EXPECT_LE(one.log_scales[3 * n + axis], -1 + axis);
    }
  }
}

TEST(Guitar, OfSuperSplatIsRead) {
  const auto file = formats::shared_path("data/splats/guitar.compressed.ply");
  if (!file) GTEST_SKIP() << "no ../shared/data/splats";
  const LoadedScene read = load_scene(*file);
  EXPECT_EQ(read.format->name, "compressed.ply");
  EXPECT_EQ(read.scene.count(), 90854);
  EXPECT_EQ(read.scene.sh_degree, 0);
  const Box box = bounding_box(read.scene);
  for (size_t axis = 0; axis < 3; ++axis) EXPECT_TRUE(box.max[axis] > box.min[axis] && box.max[axis] < 100) << axis;
}

}  // namespace
}  // namespace orrery::splat
