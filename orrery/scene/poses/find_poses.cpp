#include "orrery/scene/poses/find_poses.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "orrery/base/child_process.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/base/thread_pool.h"
#include "orrery/formats/colmap.h"
#include "orrery/scene/data/readers.h"

namespace orrery::scene {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDoing = "find the poses of photos";

fs::path colmap_program() {
  if (const auto program = find_program("colmap")) return *program;
  throw Error({.doing = kDoing,
               .found = "no program colmap",
               .expected = "COLMAP, in a folder of PATH",
               .advice = "install it (Debian, Ubuntu: the package colmap; else colmap.github.io/install.html)"});
}

/// One step of COLMAP after another, their words in one log.
class Colmap {
 public:
  Colmap(const PosesOptions& options, const fs::path& log)
      : options_(options), program_(colmap_program()), log_path_(log) {
    if (fs::exists(log)) log_.add(read_text(log));  // an earlier run's features, which COLMAP does not count again
    file_.open(log, std::ios::app);
    if (!file_) throw Error({.doing = kDoing, .where = log.string(), .found = "a file that cannot be written"});
  }

  void run(const std::string& step, const std::string& title, const std::string& unit, int64_t total,
           std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {program_.string(), step});
    file_ << fmt::format("$ {}\n", fmt::join(arguments, " ")) << std::flush;
    Progress progress({.title = title, .total = total, .unit = unit, .style = options_.progress});
    log_.begin_step();
    const ChildOutcome outcome =
        run_child(arguments, kLimits, {.environment = {"QT_QPA_PLATFORM=offscreen"}, .heard = [&](auto text) {
                                         file_ << text << std::flush;
                                         log_.add(text);
                                         progress.update(log_.done(), log_.total() > 0 ? log_.total() : total);
                                       }});
    if (outcome.end == ChildOutcome::End::kExited && outcome.code == 0) return;
    throw Error({.doing = kDoing,
                 .where = "colmap " + step,
                 .found = outcome.end == ChildOutcome::End::kExited ? fmt::format("exit code {}", outcome.code)
                                                                    : fmt::format("an end by signal {}", outcome.code),
                 .expected = "success",
                 .advice = fmt::format("its log is {}; it ends with: {}", log_path_.string(), log_.last_lines())});
  }

  /// The options' group of this version: SiftExtraction until COLMAP 3, FeatureExtraction since 4.
  std::string option(const std::string& step, const std::string& name, const std::vector<std::string>& groups) const {
    const ChildOutcome help =
        run_child({program_.string(), step, "--help"},
                  {.memory_bytes = kLimits.memory_bytes, .file_bytes = kLimits.file_bytes},  // its library writes logs
                  {.environment = {"QT_QPA_PLATFORM=offscreen"}});
    for (const std::string& group : groups)
      if ((help.output + help.errors).find(group + "." + name) != std::string::npos) return "--" + group + "." + name;
    return "--" + groups.front() + "." + name;
  }

  const ColmapLog& log() const { return log_; }

 private:
  static constexpr ChildLimits kLimits = {.cpu_seconds = 30 * 24 * 3600,
                                          .wall_seconds = 30 * 24 * 3600,
                                          .memory_bytes = INT64_MAX,
                                          .output_bytes = INT64_MAX,
                                          .file_bytes = INT64_MAX};

  const PosesOptions& options_;
  fs::path program_, log_path_;
  std::ofstream file_;
  ColmapLog log_;
};

void extract(Colmap& colmap, const PosesOptions& options, const fs::path& database, size_t photos, int threads) {
  const std::string step = "feature_extractor";
  const std::vector<std::string> groups = {"SiftExtraction", "FeatureExtraction"};
  colmap.run(
      step, "finding features", "photos", static_cast<int64_t>(photos),
      {"--database_path", database.string(), "--image_path", options.photos.string(), "--ImageReader.camera_model",
       options.camera_model, "--ImageReader.single_camera", options.single_camera ? "1" : "0",
       colmap.option(step, "use_gpu", groups), "0", colmap.option(step, "num_threads", groups), std::to_string(threads),
       "--SiftExtraction.max_num_features", std::to_string(options.max_features)});
}

void match(Colmap& colmap, const PosesOptions& options, const fs::path& database, int threads) {
  const std::string step = options.matching == Matching::kExhaustive ? "exhaustive_matcher" : "sequential_matcher";
  const std::vector<std::string> groups = {"SiftMatching", "FeatureMatching"};
  colmap.run(step, "matching photos", "blocks", 0,
             {"--database_path", database.string(), colmap.option(step, "use_gpu", groups), "0",
              colmap.option(step, "num_threads", groups), std::to_string(threads),
              colmap.option(step, "guided_matching", groups), "1"});
}

/// The model with the most photos becomes sparse/0; how many others there are.
size_t largest_first(const fs::path& sparse) {
  std::vector<fs::path> models;
  for (const auto& entry : fs::directory_iterator(sparse))
    if (formats::has_colmap_model(entry.path())) models.push_back(entry.path());
  if (models.empty()) return 0;
  const auto photos = [](const fs::path& model) { return formats::read_colmap(model).images.size(); };
  std::ranges::sort(models);
  const fs::path largest = *std::ranges::max_element(models, {}, photos);
  if (largest != sparse / "0") {
    const fs::path aside = sparse / "largest";
    fs::rename(largest, aside);
    fs::rename(sparse / "0", largest);
    fs::rename(aside, sparse / "0");
  }
  return models.size() - 1;
}

std::string reason_of(int64_t features) {
  constexpr int64_t kFew = 300;
  if (features < 0) return "COLMAP could not read it, or its size is not that of the single camera's other photos";
  if (features < kFew) return fmt::format("only {} features: blurred, dark or without texture", features);
  return fmt::format(
      "{} features, too few of them seen in other photos: too far from its neighbours (photos should "
      "overlap by two thirds), or of moving or mirroring things",
      features);
}

void check_out(const PosesOptions& options) {
  if (fs::exists(options.out / "sparse"))
    throw Error({.doing = kDoing,
                 .where = (options.out / "sparse").string(),
                 .found = "a model",
                 .expected = "none yet",
                 .advice = "remove it, or name another folder with --out"});
}

void link_photos(const PosesOptions& options) {
  const fs::path link = options.out / "images";
  std::error_code failed;
  if (fs::exists(link) && fs::equivalent(link, options.photos, failed)) return;
  fs::remove(link, failed);  // a link that leads elsewhere; a folder with something in it stays, and is an error
  fs::create_directory_symlink(options.photos, link, failed);
  if (failed)
    throw Error({.doing = kDoing,
                 .where = link.string(),
                 .found = failed.message(),
                 .expected = "a place for a link to the photos"});
}

/// Runs the mapper into `making`; how many models there are besides making/0.
size_t place(Colmap& colmap, const PosesOptions& options, const fs::path& database, const fs::path& making,
             size_t photos, int threads) {
  fs::remove_all(making);
  fs::create_directories(making);
  colmap.run(
      "mapper", "placing photos", "photos", static_cast<int64_t>(photos),
      {"--database_path", database.string(), "--image_path", options.photos.string(), "--output_path", making.string(),
       "--Mapper.num_threads", std::to_string(threads), "--Mapper.ba_refine_principal_point", "0"});
  const size_t others = largest_first(making);
  if (formats::has_colmap_model(making / "0")) return others;
  throw Error({.doing = kDoing,
               .where = options.photos.string(),
               .found = "no two photos that COLMAP could place",
               .expected = "photos of one still scene that overlap by two thirds",
               .advice = "its log is " + (options.out / "colmap.log").string()});
}

}  // namespace

PosesSummary find_poses(const PosesOptions& given) {
  PosesOptions options = given;
  options.photos = fs::absolute(given.photos);  // no path may look like an option
  options.out = fs::absolute(given.out);
  const std::vector<std::string> photos = pictures_below(options.photos);
  if (photos.size() < 2)
    throw Error({.doing = kDoing,
                 .where = options.photos.string(),
                 .found = fmt::format("{} photos", photos.size()),
                 .expected = "at least two JPEG, PNG or WebP files"});
  if (formats::find_camera_model(options.camera_model) == nullptr)
    throw Error({.doing = kDoing,
                 .where = "camera model",
                 .found = options.camera_model,
                 .expected = "one of COLMAP's, such as OPENCV or OPENCV_FISHEYE"});
  check_out(options);
  fs::create_directories(options.out);
  const int threads = options.threads > 0 ? options.threads : available_cores();
  const fs::path database = options.out / "database.db", making = options.out / "sparse.making";
  PosesSummary summary{.photos = photos.size(), .log = options.out / "colmap.log"};
  Colmap colmap(options, summary.log);
  extract(colmap, options, database, photos.size(), threads);
  match(colmap, options, database, threads);
  summary.other_models = place(colmap, options, database, making, photos.size(), threads);
  const formats::ColmapModel model = formats::read_colmap(making / "0");
  summary.registered = model.images.size();
  summary.points = model.points.size();
  std::set<std::string> registered;
  for (const formats::ColmapImage& image : model.images) registered.insert(image.name);
  for (const std::string& name : photos)
    if (!registered.contains(name)) summary.unregistered.push_back({name, reason_of(colmap.log().features(name))});
  link_photos(options);
  fs::rename(making, options.out / "sparse");
  return summary;
}

}  // namespace orrery::scene
