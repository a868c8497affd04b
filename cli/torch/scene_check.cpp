#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/io.h"
#include "cli/torch/scene.h"
#include "orrery/base/error.h"
#include "orrery/base/names.h"
#include "orrery/scene/check/check.h"

namespace orrery::cli {
namespace {

constexpr Name<scene::SceneFormat> kFormatNames[] = {{scene::SceneFormat::kAuto, "auto"},
                                                     {scene::SceneFormat::kColmap, "colmap"},
                                                     {scene::SceneFormat::kTransforms, "transforms"},
                                                     {scene::SceneFormat::kOpenSfm, "opensfm"}};
constexpr Name<scene::Weight> kWeightNames[] = {
    {scene::Weight::kFatal, "error"}, {scene::Weight::kWarning, "warning"}, {scene::Weight::kNote, "note"}};

nlohmann::ordered_json json_of(const scene::CheckReport& report) {
  nlohmann::ordered_json document = {
      {"kind", report.kind},     {"pictures", report.frames},       {"train", report.train},
      {"test", report.test},     {"validation", report.validation}, {"cameras", report.cameras},
      {"points", report.points}, {"can_train", report.can_train()}};
  document["findings"] = nlohmann::ordered_json::array();
  for (const scene::Finding& finding : report.findings)
    document["findings"].push_back({{"weight", name_of(kWeightNames, finding.weight)}, {"text", finding.text}});
  return document;
}

std::string text_of(const scene::CheckReport& report) {
  std::string text =
      fmt::format("{}: {} pictures ({} to train on, {} to test, {} to validate), {} cameras, {} points\n", report.kind,
                  report.frames, report.train, report.test, report.validation, report.cameras, report.points);
  for (const scene::Finding& finding : report.findings)
    text += fmt::format("{}: {}\n", name_of(kWeightNames, finding.weight), finding.text);
  return report.findings.empty() ? text + "nothing wrong was found\n" : text;
}

}  // namespace

void scene_check(const SceneCheckCommand& command) {
  const scene::CheckReport report = scene::check_scene(
      command.folder, {.read = {.format = from_name(kFormatNames, "--format", command.reading.format),
                                .images = command.reading.images,
                                .downscale = command.reading.downscale},
                       .svg = command.svg,
                       .progress = command.quiet || command.json ? ProgressStyle::kNone : ProgressStyle::kAuto});
  if (command.json)
    print_json(json_of(report));
  else
    print(text_of(report));
  if (!report.can_train())
    throw Error({.doing = "train on this scene", .where = command.folder, .found = report.findings.front().text});
}

}  // namespace orrery::cli
