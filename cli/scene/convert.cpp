// orrery scene convert: one scene file into another.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "cli/scene/numbers.h"
#include "orrery/base/log.h"
#include "orrery/base/progress.h"
#include "orrery/splat/convert.h"

namespace orrery::cli {
namespace {

struct ConvertSceneCommand {
  std::string input, output_file;
  splat::ConvertOptions options;
  bool json = false;
};

std::string format_names() {
  std::vector<std::string_view> names;
  for (const splat::Format& format : splat::formats()) names.push_back(format.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

nlohmann::ordered_json conversion_json(const ConvertSceneCommand& command, const splat::Conversion& done) {
  nlohmann::ordered_json document = {{"output", command.output_file}, {"format", done.saved.format->name},
                                     {"bytes", done.saved.bytes},     {"read", done.read},
                                     {"written", done.written},       {"sh_degree", done.written_degree}};
  if (!done.saved.difference) return document;
  const auto add = [&](const char* name, const splat::AttributeDifference& lost) {
    document["lost"][name] = {{"max", lost.max}, {"rms", lost.rms}};
  };
  add("position", done.saved.difference->position);
  add("log_scale", done.saved.difference->log_scale);
  add("rotation_degrees", done.saved.difference->rotation);
  add("opacity", done.saved.difference->opacity);
  add("colour", done.saved.difference->colour);
  add("sh", done.saved.difference->sh);
  return document;
}

void convert(const ConvertSceneCommand& command) {
  const splat::Conversion done = splat::convert(command.input, command.output_file, command.options);
  if (done.lost_antialiased)
    log(LogLevel::kWarning, fmt::format("{} cannot say that the scene is antialiased: viewers will draw it too dark or "
                                        "too thin from afar",
                                        done.saved.format->name));
  if (command.json) return print_json(conversion_json(command, done));
  std::string text = fmt::format("{}: {} of {} Gaussians, degree {}, {}\n", command.output_file, done.written,
                                 done.read, done.written_degree, bytes_text(static_cast<double>(done.saved.bytes)));
  if (done.saved.difference) text += splat::difference_text(*done.saved.difference);
  print(text);
}

void add_steps(CLI::App& command, splat::ConvertOptions& options) {
  const auto add = [&](const char* name, const char* value, const char* description, auto&& use) {
    command.add_option_function<std::string>(name, use, description)->option_text(value)->group("Steps, in this order");
  };
  const auto numbers = [&](CLI::Option* option) { option->capture_default_str()->group("Steps, in this order"); };
  add_repeatable(
      command, "--merge", [&options](const std::string& path) { options.merge.push_back(path); },
      "Put this scene behind the first one; may be repeated")
      ->option_text("FILE ...")
      ->group("Steps, in this order");
  command
      .add_flag("!--keep-nan", options.filter.drop_nan,
                "Keep Gaussians of which a number is not finite or the rotation is 0")
      ->group("Steps, in this order");
  numbers(command.add_option("--min-opacity", options.filter.min_opacity, "Drop Gaussians less opaque, of 0 to 1"));
  numbers(
      command.add_option("--max-scale", options.filter.max_scale, "Drop Gaussians with a longer axis, world units"));
  add("--crop", "X,Y,Z,X,Y,Z", "Keep centres in this box (lower, upper corner), in the input's axes",
      [&options](const std::string& text) {
        const auto c = numbers_of<6>(text, "--crop");
        splat::Box box;
        for (size_t axis = 0; axis < 3; ++axis) {
          box.min[axis] = static_cast<float>(c[axis]);
          box.max[axis] = static_cast<float>(c[3 + axis]);
        }
        options.crop = box;
      });
  add("--rotate", "X,Y,Z|W,X,Y,Z", "Turn by degrees about x, then y, then z, or by a quaternion",
      [&options](const std::string& text) {
        if (std::ranges::count(text, ',') == 3)
          options.transform.rotation = numbers_of<4>(text, "--rotate");
        else
          options.transform.rotation = splat::quaternion_from_euler(numbers_of<3>(text, "--rotate"));
      });
  numbers(command.add_option("--scale", options.transform.scale, "Then make it so many times as large"));
  add("--translate", "X,Y,Z", "Then move it",
      [&options](const std::string& text) { options.transform.translation = numbers_of<3>(text, "--translate"); });
  command.add_option("--sh-degree", options.sh_degree, "Drop harmonics above this degree")
      ->option_text("N")
      ->check(CLI::Range(0, splat::kMaxShDegree))
      ->group("Steps, in this order");
  numbers(command.add_option("--prune", options.prune,
                             "Drop the least important Gaussians that have this share of all importance; importance is "
                             "opacity times mean shadow"));
  numbers(command.add_option("--decimate", options.decimate, "Keep the N most important; 0 keeps all"));
}

}  // namespace

void add_scene_convert(CLI::App& scene) {
  CLI::App* command = scene.add_subcommand("convert", "Convert a Gaussian scene, and edit it on the way");
  auto options = std::make_shared<ConvertSceneCommand>();
  command->add_option("input", options->input, "A scene file or SOG folder; what it is, its content says")
      ->required()
      ->option_text("INPUT");
  command
      ->add_option(
          "output", options->output_file,
          "What to write; the end of its name says how: " + format_names() + ". It is there wholly or not at all")
      ->required()
      ->option_text("OUTPUT");
  add_steps(*command, options->options);
  splat::SaveOptions& save = options->options.save;
  command->add_option("--format", save.format, "Whatever the name ends in; with sog a folder: " + format_names())
      ->option_text("NAME");
  command->add_option("--spz-version", save.spz_version, "Of .spz: 2, 3 or 4 (zstd, new viewers only)")
      ->capture_default_str()
      ->check(CLI::Range(2, 4));
  command
      ->add_option("--ksplat-level", save.ksplat_level,
                   "Of .ksplat: 0 is float32, 1 is 16 bits, 2 has bytes for the harmonics")
      ->capture_default_str()
      ->check(CLI::Range(0, 2));
  command->add_flag_function(
      "--antialiased,!--no-antialiased", [options](int64_t count) { options->options.antialiased = count > 0; },
      "Write that the scene was trained with antialiasing, or that it was not");
  command->add_flag("--json", options->json, "Print sizes and what was lost as JSON");
  set_examples(
      *command,
      {{"orrery scene convert point_cloud.ply scene.spz", "a tenth of the size; what was lost is printed"},
       {"orrery scene convert scene.spz small.sog --min-opacity 0.02 --decimate 200000", "for a phone"},
       {"orrery scene convert scan.ply room.ply --crop -3,-2,-3,3,2,3 --rotate 90,0,0", "a part, set upright"}});
  command->callback([options] { convert(*options); });
}

}  // namespace orrery::cli
