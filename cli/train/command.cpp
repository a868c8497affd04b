// The options of orrery train, declared from the table of settings.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <type_traits>

#include "cli/commands.h"
#include "cli/manual/describe.h"
#include "cli/train/texts.h"

namespace orrery::cli {
namespace {

std::string option_name(const align::Field& field) {
  std::string name = field.name;
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

/// Declares one option for each setting; what is given is checked, and kept as text.
class Declare {
 public:
  Declare(CLI::App& command, TrainCommand& typed) : command_(command), typed_(typed) {}

  void operator()(const align::Field& field, const bool& value) const {
    const std::string name = option_name(field), no = "!--no-" + name.substr(2);
    command_
        .add_flag_function(
            fmt::format("{},{}", name, no),
            [&typed = typed_, key = std::string(field.name)](int64_t count) {
              typed.given[key] = {count > 0 ? "true" : "false"};
            },
            help(field) + (value ? "; this is the default" : ""))
        ->group(field.group);
  }
  template <class T>
  void operator()(const align::Field& field, const T& value) const {
    add<T>(field, text_of(value))->option_text(kind<T>(false));
  }
  template <class T>
  void operator()(const align::Field& field, const std::vector<T>& value) const {
    add<std::vector<T>>(field, text_of(value))->option_text(kind<T>(true));
  }
  template <class E, size_t n>
  void operator()(const align::Field& field, const E& value, const Name<E> (&names)[n]) const {
    add<E>(field, text_of(value, names), names)->option_text("NAME");
  }
  template <class E, size_t n>
  void operator()(const align::Field& field, const std::vector<E>& value, const Name<E> (&names)[n]) const {
    add<std::vector<E>>(field, text_of(value, names), names)->option_text("NAME,…");
  }

 private:
  template <class T>
  static std::string kind(bool list) {
    const char* one = std::is_same_v<T, std::string> ? "TEXT" : std::is_floating_point_v<T> ? "NUMBER" : "N";
    return list ? std::string(one) + ",…" : one;
  }

  std::string help(const align::Field& field) const {
    std::vector<std::string_view> methods;
    bool all = true;
    for (const auto& [method, name] : align::kMethodNames) {
      if (field.has(method)) methods.push_back(name);
      all = all && field.has(method);
    }
    return all ? field.help : fmt::format("{} ({})", field.help, fmt::join(methods, ", "));
  }

  template <class T, class... Names>
  CLI::Option* add(const align::Field& field, const std::string& fallback, const Names&... names) const {
    CLI::Option* option = command_.add_option(
        option_name(field),
        [&typed = typed_, key = std::string(field.name), &names...](const CLI::results_t& values) {
          T value{};
          from_texts(values, key, value, names...);  // throws what is wrong
          typed.given[key] = values;
          return true;
        },
        help(field) + with_choices(names...));
    option->group(field.group)->default_str(field.fallback ? field.fallback : fallback)->expected(1);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if (std::string_view(field.name) == "export") option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    return option;
  }

  static std::string with_choices() { return ""; }
  template <class E, size_t n>
  static std::string with_choices(const Name<E> (&names)[n]) {
    std::vector<std::string_view> shown;
    for (const Name<E>& row : names)
      if (name_of(names, row.value) == row.name) shown.push_back(row.name);
    return fmt::format(": {}", fmt::join(shown, ", "));
  }

  CLI::App& command_;
  TrainCommand& typed_;
};

}  // namespace

void add_train(CLI::App& app, std::function<void(const TrainCommand&)> run) {
  CLI::App* command = app.add_subcommand("train", "Fine-tune or align a model");
  auto typed = std::make_shared<TrainCommand>();
  std::vector<std::string> methods;
  for (const auto& row : align::kMethodNames) methods.emplace_back(row.name);
  command->add_option("method", typed->method, "What to train it by")
      ->required()
      ->option_text(fmt::format("{}", fmt::join(methods, "|")))
      ->check(CLI::IsMember(methods));
  command->add_option("-o,--out", typed->out, "The run's folder: settings, metrics, checkpoints, the trained model")
      ->required()
      ->option_text("RUN");
  command->add_option("--config", typed->config, "Settings from a TOML file; options that are given count more")
      ->option_text("FILE");
  command->add_flag("--resume", typed->resume, "Go on from the run's last checkpoint, with the run's settings");
  command
      ->add_option("--show-mask", typed->show_mask,
                   "Print the tokens of the first N records, learned ones in another colour, and train nothing")
      ->option_text("N")
      ->check(CLI::Range(1, 1 << 20));
  command->add_flag("-q,--quiet", typed->quiet, "No progress");
  const align::Settings defaults;
  align::visit_fields(defaults, Declare(*command, *typed));
  set_examples(*command,
               {{"orrery train sft --model smollm2 --data alpaca.json --out runs/sft --use-peft", "a LoRA adapter"},
                {"orrery train sft --model smollm2 --data alpaca.json --out runs/sft --show-mask 3",
                 "see first what would be learned"},
                {"orrery train dpo --model smollm2 --data pairs.jsonl --out runs/dpo --export mine.gguf",
                 "preferences, and a file to run"},
                {"orrery train sft --out runs/sft --resume", "after a power cut"}});
  command->callback([typed, run = std::move(run)] { run(*typed); });
}

}  // namespace orrery::cli
