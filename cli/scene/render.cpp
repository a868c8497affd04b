// orrery scene render: pictures and videos of a scene.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/scene/numbers.h"
#include "orrery/base/child_process.h"
#include "orrery/base/error.h"
#include "orrery/base/progress.h"
#include "orrery/formats/npy_writer.h"
#include "orrery/formats/png_writer.h"
#include "orrery/splat/cameras.h"
#include "orrery/splat/file.h"
#include "orrery/splat/renderer.h"

namespace orrery::cli {
namespace {
namespace fs = std::filesystem;

struct RenderCommand {
  std::string scene, cameras, out, video, size = "1280x720", up = "0,-1,0", background = "0,0,0";
  int orbit = 0, spline = 0, sh_degree = splat::kMaxShDegree, threads = 0, frames_per_second = 30;
  double degrees = 50;
  bool inria_rules = false, depth = false, normals = false, quiet = false;
};

std::array<float, 3> three(const std::string& text, const char* option) {
  const auto [x, y, z] = numbers_of<3>(text, option);
  return {static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)};
}

std::pair<int, int> size_of(const std::string& text) {
  const size_t cross = text.find('x');
  int width = 0, height = 0;
  const bool good = cross != text.npos && CLI::detail::lexical_cast(text.substr(0, cross), width) &&
                    CLI::detail::lexical_cast(text.substr(cross + 1), height) && width > 0 && height > 0 &&
                    width <= 16384 && height <= 16384;
  if (!good)
    throw Error(
        {.doing = "render a scene", .where = "--size", .found = text, .expected = "WIDTHxHEIGHT, such as 1280x720"});
  return {width, height};
}

/// The views to draw and what their pictures are called.
std::vector<splat::NamedView> views_of(const RenderCommand& command, const splat::Scene& scene) {
  std::vector<splat::NamedView> cameras;
  if (!command.cameras.empty()) cameras = splat::read_cameras(command.cameras);
  std::vector<View> path;
  if (command.spline > 0) {
    if (cameras.size() < 2)
      throw Error({.doing = "render a scene",
                   .where = "--spline",
                   .found = "fewer than two views to pass through",
                   .expected = "--cameras with two or more"});
    std::vector<View> keys;
    for (const splat::NamedView& camera : cameras) keys.push_back(camera.view);
    path = splat::spline(keys, command.spline);
  } else if (command.orbit > 0 || cameras.empty()) {
    const auto [width, height] = size_of(command.size);
    path = splat::orbit(scene, three(command.up, "--up"), std::max(1, command.orbit), width, height, command.degrees);
  } else {
    return cameras;
  }
  cameras.clear();
  for (size_t i = 0; i < path.size(); ++i) cameras.push_back({.name = fmt::format("{:05}", i), .view = path[i]});
  return cameras;
}

/// ffmpeg makes a video of the numbered pictures in a folder.
void make_video(const RenderCommand& command) {
  const auto ffmpeg = find_program("ffmpeg");
  if (!ffmpeg)
    throw Error({.doing = "make a video",
                 .where = "ffmpeg",
                 .found = "no such program in PATH",
                 .advice = "apt-get install ffmpeg; the pictures are in " + command.out});
  const ChildOutcome outcome = run_child(
      {ffmpeg->string(), "-y", "-loglevel", "error", "-framerate", std::to_string(command.frames_per_second), "-i",
       (fs::path(command.out) / "%05d.png").string(), "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264",
       "-pix_fmt", "yuv420p", command.video},
      {.cpu_seconds = 36000, .wall_seconds = 36000, .memory_bytes = int64_t{8} << 30, .file_bytes = int64_t{1} << 40});
  if (outcome.end != ChildOutcome::End::kExited || outcome.code != 0)
    throw Error({.doing = "make a video",
                 .where = command.video,
                 .found = "ffmpeg: " + outcome.errors.substr(0, outcome.errors.find('\n'))});
}

/// Mean depth of what a pixel shows, as numbers and as a picture whose white is the view's largest.
void write_depth(const fs::path& stem, const View& view, const splat::Renderer& renderer) {
  std::vector<float> depth(renderer.depth().begin(), renderer.depth().end());
  for (size_t i = 0; i < depth.size(); ++i) depth[i] = renderer.alpha()[i] > 0 ? depth[i] / renderer.alpha()[i] : 0;
  formats::write_npy(stem.string() + ".depth.npy", std::array<int64_t, 2>{view.height, view.width}, depth);
  const float white = std::ranges::max(depth);
  std::vector<uint16_t> grey(depth.size());
  std::ranges::transform(depth, grey.begin(), [white](float value) {
    return white > 0 ? static_cast<uint16_t>(value / white * 65535 + 0.5f) : uint16_t{0};
  });
  formats::write_png(stem.string() + ".depth.png", view.width, view.height, grey, {"white", fmt::format("{}", white)});
}

/// Red, green, blue: 0.5 + 0.5·(right, up, towards the viewer), as normal maps have it.
void write_normals(const fs::path& stem, const View& view, const splat::Renderer& renderer) {
  std::vector<float> rgb(renderer.normals().begin(), renderer.normals().end());
  for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = i % 3 == 0 ? 0.5f + 0.5f * rgb[i] : 0.5f - 0.5f * rgb[i];
  formats::write_png(stem.string() + ".normals.png", view.width, view.height, rgb);
}

void render(const RenderCommand& command) {
  const splat::Scene scene = splat::load(command.scene);
  const std::vector<splat::NamedView> views = views_of(command, scene);
  if (!command.video.empty() && command.orbit == 0 && command.spline == 0)
    throw Error({.doing = "make a video",
                 .where = "--video",
                 .found = "no path",
                 .expected = "--orbit N, or --cameras FILE with --spline N"});
  fs::create_directories(command.out);
  ThreadPool pool(command.threads);
  splat::Renderer renderer(pool);
  const splat::Parameters<const float> gaussians{scene.means, scene.log_scales, scene.quats, scene.opacity_logits,
                                                 scene.sh};
  splat::RenderOptions options{
      .rules = command.inria_rules ? kernels::GaussianRules::kInria : kernels::GaussianRules::kExact,
      .antialiased = scene.antialiased,
      .sh_degree = command.sh_degree,
      .background = three(command.background, "--background"),
      .depth = command.depth,
      .normals = command.normals};
  double seconds = 0;
  Progress progress({.title = "drawing",
                     .total = static_cast<int64_t>(views.size()),
                     .unit = "pictures",
                     .style = command.quiet ? ProgressStyle::kNone : ProgressStyle::kAuto});
  for (size_t i = 0; i < views.size(); ++i) {
    const View& view = views[i].view;
    const auto begin = std::chrono::steady_clock::now();
    renderer.draw(gaussians, view, options);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const fs::path stem = fs::path(command.out) / splat::picture_name(views[i].name);
    formats::write_png(stem.string() + ".png", view.width, view.height, renderer.image());
    if (command.depth) write_depth(stem, view, renderer);
    if (command.normals) write_normals(stem, view, renderer);
    progress.update(static_cast<int64_t>(i) + 1);
  }
  progress.finish();
  if (!command.video.empty()) make_video(command);
  if (!command.quiet)
    print(fmt::format("{} pictures in {}, drawn at {:.1f} a second\n", views.size(), command.out,
                      static_cast<double>(views.size()) / seconds));
}

}  // namespace

void add_scene_render(CLI::App& scene) {
  CLI::App* command = scene.add_subcommand("render", "Draw a Gaussian scene into pictures, or a video");
  auto options = std::make_shared<RenderCommand>();
  command->add_option("scene", options->scene, "A scene file or SOG folder")->required()->option_text("SCENE");
  command->add_option("-o,--out", options->out, "The folder for pictures")->required()->option_text("DIR");
  command->add_option("--cameras", options->cameras, "cameras.json beside a trained scene: draw each of its views")
      ->option_text("FILE");
  command->add_option("--orbit", options->orbit, "Go around the scene in N pictures; without cameras the default is 1")
      ->option_text("N")
      ->check(CLI::Range(1, 1 << 20));
  command->add_option("--spline", options->spline, "Pass through the views of --cameras in N pictures")
      ->option_text("N")
      ->check(CLI::Range(2, 1 << 20));
  command->add_option("--size", options->size, "Of pictures on an orbit")->option_text("WxH")->capture_default_str();
  command->add_option("--fov", options->degrees, "Vertical angle of view on an orbit, degrees")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 170.0));
  command->add_option("--up", options->up, "The scene's upward axis on an orbit")
      ->option_text("X,Y,Z")
      ->capture_default_str();
  command->add_option("--background", options->background, "Red, green and blue of 0 to 1")
      ->option_text("R,G,B")
      ->capture_default_str();
  command->add_option("--sh-degree", options->sh_degree, "Draw with harmonics up to this degree")
      ->option_text("N")
      ->capture_default_str()
      ->check(CLI::Range(0, splat::kMaxShDegree));
  command->add_flag("--inria-rules", options->inria_rules, "Draw as the paper's authors' program does, not as gsplat");
  command->add_flag("--depth", options->depth, "Beside each picture NAME.depth.npy, and NAME.depth.png to look at");
  command->add_flag("--normals", options->normals, "Beside each picture NAME.normals.png, a normal map");
  command->add_option("--video", options->video, "Have ffmpeg make a video of the pictures")->option_text("FILE.mp4");
  command->add_option("--fps", options->frames_per_second, "Pictures a second of the video")
      ->capture_default_str()
      ->check(CLI::Range(1, 240));
  command->add_option("--threads", options->threads, "0: one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  command->add_flag("-q,--quiet", options->quiet, "No progress, no summary");
  set_examples(
      *command,
      {{"orrery scene render scene.ply --out frames --orbit 120 --video orbit.mp4", "a turn around it"},
       {"orrery scene render runs/castle/scene.ply --out views --cameras runs/castle/cameras.json",
        "what the photos saw"},
       {"orrery scene render scene.ply --out maps --depth --normals", "how far it is, and which way it faces"}});
  command->callback([options] { render(*options); });
}

}  // namespace orrery::cli
