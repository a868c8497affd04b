#include "orrery/scene/gaussians/run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/base/log.h"
#include "orrery/scene/gaussians/dataset_photos.h"
#include "orrery/scene/gaussians/held_out.h"
#include "orrery/scene/gaussians/initial.h"
#include "orrery/scene/gaussians/settings_file.h"
#include "orrery/scene/gaussians/task.h"
#include "orrery/splat/cameras.h"
#include "orrery/splat/file.h"
#include "orrery/train/pieces.h"

namespace orrery::scene {

namespace {
namespace fs = std::filesystem;

constexpr int64_t kPictureBytes = int64_t{2} << 30;  // of photos that stay decoded

void check(const TrainSettings& settings) {
  const auto refuse = [](const char* where, const std::string& found, const char* expected) {
    throw Error({.doing = "train Gaussians", .where = where, .found = found, .expected = expected});
  };
  if (settings.data.empty()) refuse("data", "nothing", "a folder of photos with poses");
  if (settings.downscale < 0) refuse("downscale", fmt::format("{}", settings.downscale), "0 or more");
  if (settings.loop.max_steps < 1) refuse("max_steps", fmt::format("{}", settings.loop.max_steps), "1 or more");
  if (settings.loop.logging_steps < 1)
    refuse("logging_steps", fmt::format("{}", settings.loop.logging_steps), "1 or more");
  if (settings.random_points < 1) refuse("random_points", fmt::format("{}", settings.random_points), "1 or more");
  // Each process would grow Gaussians of its own.
  if (const char* processes = std::getenv("WORLD_SIZE"); processes && *processes && std::string_view(processes) != "1")
    refuse("the environment variable WORLD_SIZE", processes, "one process: scenes are not trained in several");
  if (settings.threads < 0) refuse("threads", fmt::format("{}", settings.threads), "0 or more");
}

DatasetOptions dataset_options(const TrainSettings& settings) {
  DatasetOptions options;
  options.downscale = settings.downscale;
  options.test_every = settings.test_every;
  options.read.tracks = settings.gaussians.depth_lambda > 0;
  options.seed = settings.gaussians.seed;
  options.random_points = static_cast<size_t>(settings.random_points);
  return options;
}

GaussianTable first_gaussians(const Dataset& dataset, int sh_degree) {
  std::vector<float> points;
  std::vector<uint8_t> colours;
  for (const auto& point : dataset.points.positions) points.insert(points.end(), point.begin(), point.end());
  for (const auto& colour : dataset.points.colours) colours.insert(colours.end(), colour.begin(), colour.end());
  return gaussians_of_points(points, colours, sh_degree);
}

/// Of training photos as the task has them.
std::vector<splat::NamedView> views_of(const Dataset& dataset, const GaussianTask& task) {
  std::vector<splat::NamedView> views;
  size_t photo = 0;
  for (const Frame& frame : dataset.frames) {
    const View view = frame.split == Split::kTrain ? task.view(photo++) : frame.view;
    if (view.projection == Projection::kPinhole) views.push_back({frame.name, view, frame.picture});
  }
  return views;
}

/// INRIA's form: a photo's name and its matrix.
void write_exposures(const fs::path& path, const DatasetPhotos& photos, const GaussianTask& task) {
  nlohmann::ordered_json all;
  for (size_t photo = 0; photo < photos.size(); ++photo) {
    const Exposure exposure = task.exposure(photo);
    auto& rows = all[photos.frame(photo).name] = nlohmann::ordered_json::array();
    for (size_t row = 0; row < 3; ++row) rows.push_back(std::vector(&exposure[4 * row], &exposure[4 * row] + 4));
  }
  AtomicFile file(path);
  file.write(all.dump() + "\n");
  file.commit();
}

void begin_folder(const TrainSettings& settings) {
  train::check_folder(settings.loop);
  fs::create_directories(settings.out);
  AtomicFile file(settings.out / "config.toml");
  file.write(settings.loop.settings);
  file.commit();
}

WatchOptions watch_options(const TrainSettings& settings, int64_t first_gaussians) {
  const GaussianOptions& options = settings.gaussians;
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  return {.first_gaussians = first_gaussians,
          .densify_from = options.densify_from_iter,
          .densify_until = std::min(options.densify_until_iter, options.max_steps),
          .max_gaussians = options.density.max_gaussians,
          .room = gaussians_within(fmt::format("{}", memory), options.sh_degree)};
}

splat::SceneSpans spans_of(const GaussianTable& table, const GaussianOptions& options) {
  const auto values = [&](const char* name) {
    return std::span<const float>(train::span_of<float>(table[name].value));
  };
  return {.means = values("means"),
          .log_scales = values("log_scales"),
          .quats = values("quats"),
          .opacity_logits = values("opacity_logits"),
          .sh = values("sh"),
          .sh_degree = options.sh_degree,
          .antialiased = options.antialiased};
}

}  // namespace

TrainSummary train_gaussians(const TrainSettings& wanted) {
  TrainSettings settings = wanted;
  check(settings);
  GaussianOptions& options = settings.gaussians;
  if (const int64_t within = gaussians_within(settings.memory, options.sh_degree); within > 0)
    options.density.max_gaussians =
        options.density.max_gaussians > 0 ? std::min(within, options.density.max_gaussians) : within;
  Dataset dataset = open_dataset(settings.data, dataset_options(settings));
  options.max_steps = settings.loop.max_steps;
  options.background =
      settings.background.empty() ? dataset.background : from_name(kBackgroundNames, "background", settings.background);
  settings.loop.output_dir = settings.out;
  settings.loop.settings = settings_text(settings);
  if (settings.threads > 0) at::set_num_threads(settings.threads);
  std::optional<nn::Lpips> lpips;
  if (!settings.lpips.empty())
    lpips = nn::Lpips::open(std::vector<fs::path>(settings.lpips.begin(), settings.lpips.end()));
  ThreadPool pool(settings.threads);
  PictureCache cache(dataset, kPictureBytes);
  DatasetPhotos photos(dataset, Split::kTrain, cache), held_out(dataset, Split::kTest, cache);
  if (held_out.size() == 0) settings.loop.eval_steps = 0;
  GaussianTable table = first_gaussians(dataset, options.sh_degree);
  dataset.points = {};
  GaussianTask task(table, photos, &held_out, dataset.extent, options, pool);
  if (lpips) task.compare_by(&*lpips);
  begin_folder(settings);
  const fs::path scene = settings.out / "scene.ply", cameras = settings.out / "cameras.json";
  if (!settings.loop.resume || !fs::exists(cameras)) splat::write_cameras(cameras, views_of(dataset, task));
  const auto write_scene = [&] {
    splat::save_ply(scene, spans_of(table, options));
    if (options.pose_lr > 0) splat::write_cameras(cameras, views_of(dataset, task));
    if (options.exposure) write_exposures(settings.out / "exposure.json", photos, task);
  };
  TrainSummary summary{.photos = photos.size(), .held_out = held_out.size(), .notes = dataset.notes};
  Watch watch(watch_options(settings, table.size()));
  task.remember(watch);
  task.on_step([&](int64_t done) {
    if (const std::optional<std::string> noticed = watch.see(done, task.last_step())) {
      log(LogLevel::kWarning, *noticed);  // at once: who waits for the end waits for nothing
      summary.notes.push_back(*noticed);
    }
    if (settings.scene_steps > 0 && done % settings.scene_steps == 0) write_scene();
  });

  summary.steps = train::run(task, settings.loop).global_step;
  summary.gaussians = table.size();
  summary.scene = scene;
  write_scene();
  if (held_out.size() > 0) {
    const Likeness mean = write_held_out(settings.out / "test", task, held_out);
    summary.psnr = mean.psnr, summary.ssim = mean.ssim, summary.lpips = mean.lpips;
  }
  return summary;
}

}  // namespace orrery::scene
