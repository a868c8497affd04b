// Depth and normals beside the picture.
#include "orrery/splat/renderer.h"

#include <gtest/gtest.h>

#include "orrery/splat/activation.h"
#include "orrery/splat/cameras.h"
#include "orrery/splat/edit.h"
#include "tests/splat/support.h"

namespace orrery::splat {
namespace {

constexpr int kWidth = 65, kHeight = 49;
constexpr size_t kMiddle = kHeight / 2 * kWidth + kWidth / 2;  // the pixel whose centre is the picture's

/// A Gaussian as wide as the picture, and thin along one of its axes; `turn` is that of its axes.
struct Disc {
  std::array<float, 3> at;
  std::array<float, 4> turn;
  size_t thin_axis = 2;
  double opacity = 0.5;
};

Scene scene_of(std::initializer_list<Disc> discs) {
  Scene scene = Scene::zeros(0, 0);
  for (const Disc& disc : discs) {
    scene.means.insert(scene.means.end(), disc.at.begin(), disc.at.end());
    scene.quats.insert(scene.quats.end(), disc.turn.begin(), disc.turn.end());
    for (size_t axis = 0; axis < 3; ++axis) scene.log_scales.push_back(axis == disc.thin_axis ? -7.f : 0.f);
    scene.opacity_logits.push_back(logit_from_opacity(disc.opacity));
    scene.sh.insert(scene.sh.end(), {0.1f, 0.2f, 0.3f});
  }
  return scene;
}

void draw(Renderer& renderer, const Scene& scene, const View& view, RenderOptions options) {
  options.background = {0.2f, 0.4f, 0.6f};
  renderer.draw({scene.means, scene.log_scales, scene.quats, scene.opacity_logits, scene.sh}, view, options);
}

std::vector<float> kept(std::span<const float> values) { return {values.begin(), values.end()}; }

/// The axis of a rotation in the camera's axes, on the camera's side for a mean in the middle of the picture.
std::array<double, 3> seen_axis(const View& view, const std::array<float, 4>& turn, size_t axis) {
  const Matrix3 rotation = rotation_matrix({turn[0], turn[1], turn[2], turn[3]});
  std::array<double, 3> seen{};
  for (size_t row = 0; row < 3; ++row)
    for (size_t k = 0; k < 3; ++k) seen[row] += view.camera_from_world[4 * row + k] * rotation[k][axis];
  if (seen[2] > 0)
    for (double& value : seen) value = -value;
  return seen;
}

TEST(Renderer, AFlatGaussianShowsWhichWayItFacesAndHowFarItIs) {
  // 5 units before the camera, which looks along -x with the world's z to its right. A turn of 120 degrees about y
  // takes the disc's z axis to (sin 120, 0, cos 120) = (0.866, 0, -0.5): 30 degrees to the left of the camera.
  const View view = look_at({7, 1, 2}, {2, 1, 2}, {0, -1, 0}, kWidth, kHeight, 60);
  const std::array<float, 4> about_y = {0.5f, 0, std::sqrt(0.75f), 0};
  ThreadPool pool(2);
  Renderer renderer(pool);
  draw(renderer, scene_of({{.at = {2, 1, 2}, .turn = about_y}}), view, {.depth = true, .normals = true});
  EXPECT_NEAR(renderer.alpha()[kMiddle], 0.5, 1e-6);
  EXPECT_NEAR(renderer.depth()[kMiddle] / renderer.alpha()[kMiddle], 5, 1e-5);
  const std::array<double, 3> expected = {-0.5, 0, -std::sqrt(0.75)};
  for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(renderer.normals()[3 * kMiddle + k], expected[k], 1e-6) << k;

  for (const size_t thin_axis : {0, 1, 2}) {  // whichever axis it is, and from behind too
    for (const float side : {1.f, -1.f}) {
      const View other = look_at({2 + 3 * side, 0, 3}, {2, 1, 2}, {0, -1, 0}, kWidth, kHeight, 60);
      const std::array<float, 4> turn = {0.3f, -1, 0.4f, 2};
      draw(renderer, scene_of({{.at = {2, 1, 2}, .turn = turn, .thin_axis = thin_axis}}), other, {.normals = true});
      const auto seen = seen_axis(other, turn, thin_axis);
      for (size_t k = 0; k < 3; ++k)
        EXPECT_NEAR(renderer.normals()[3 * kMiddle + k], seen[k], 1e-6) << thin_axis << " " << side << " " << k;
    }
  }
}

TEST(Renderer, DepthsAndNormalsAreMixedAsColoursAre) {
  const View view = look_at({0, 0, 0}, {0, 0, 1}, {0, -1, 0}, kWidth, kHeight, 60);
  const std::array<float, 4> front = {1, 0.2f, 0, 0}, back = {1, 0, -0.3f, 0};
  ThreadPool pool(1);
  Renderer renderer(pool);
  draw(renderer, scene_of({{.at = {0, 0, 6}, .turn = back, .opacity = 0.8}, {.at = {0, 0, 4}, .turn = front}}), view,
       {.depth = true, .normals = true});
  const double weights[] = {0.5, 0.5 * 0.8};
  EXPECT_NEAR(renderer.alpha()[kMiddle], weights[0] + weights[1], 1e-6);
  EXPECT_NEAR(renderer.depth()[kMiddle], 4 * weights[0] + 6 * weights[1], 1e-5);
  const auto first = seen_axis(view, front, 2), second = seen_axis(view, back, 2);
  std::array<double, 3> sum;
  for (size_t k = 0; k < 3; ++k) sum[k] = weights[0] * first[k] + weights[1] * second[k];
  const double length = std::hypot(sum[0], sum[1], sum[2]);
  for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(renderer.normals()[3 * kMiddle + k], sum[k] / length, 1e-6) << k;
}

TEST(Renderer, NothingHasNoNormal) {
  ThreadPool pool(1);
  Renderer renderer(pool);
  draw(renderer, Scene::zeros(0, 0), look_at({0, 0, 0}, {0, 0, 1}, {0, -1, 0}, kWidth, kHeight, 60),
       {.depth = true, .normals = true});
  EXPECT_EQ(kept(renderer.normals()), std::vector<float>(3 * kWidth * kHeight));
  EXPECT_EQ(kept(renderer.depth()), std::vector<float>(kWidth * kHeight));
  EXPECT_FLOAT_EQ(renderer.image()[2], 0.6f);
}

TEST(Renderer, ThePictureIsTheSameWhateverIsAskedBesideItAndOnAnyThreads) {
  const Scene scene = random_scene(5000, 3);
  const View view = look_at({1, -2, -9}, {0, 0, 0}, {0, -1, 0}, 200, 150, 60);
  ThreadPool one(1), three(3);
  Renderer alone(one), together(three);
  const RenderOptions all{.antialiased = true, .depth = true, .normals = true};
  draw(together, scene, view, all);
  const std::vector<float> normals = kept(together.normals()), depth = kept(together.depth());
  EXPECT_EQ(normals.size(), 3 * 200 * 150u);
  draw(alone, scene, view, {.antialiased = true});
  EXPECT_TRUE(alone.normals().empty());
  EXPECT_TRUE(alone.depth().empty());
  const std::vector<float> image = kept(alone.image()), alpha = kept(alone.alpha());
  EXPECT_EQ(kept(together.image()), image);
  EXPECT_EQ(kept(together.alpha()), alpha);
  draw(alone, scene, view, all);
  EXPECT_EQ(kept(alone.image()), image);
  EXPECT_EQ(kept(alone.normals()), normals);
  EXPECT_EQ(kept(alone.depth()), depth);
  draw(alone, scene, view, {.antialiased = true});
  EXPECT_EQ(kept(alone.image()), image);
}

}  // namespace
}  // namespace orrery::splat
