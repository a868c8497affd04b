// orrery plan: how large a model is, what memory it needs, how fast it will run here and what that costs.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "orrery/base/progress.h"
#include "orrery/text/engine/engine.h"
#include "orrery/text/plan/plan.h"

namespace orrery::cli {
namespace {

using nlohmann::ordered_json;

struct PlanCommand {
  std::string model;
  text::PlanOptions options;
  double price_per_hour = 0, price_per_kwh = 0, watts = 0;
  bool json = false;

  std::optional<double> hourly() const {
    if (price_per_hour > 0) return price_per_hour;
    if (price_per_kwh > 0) return price_per_kwh * watts / 1000;
    return std::nullopt;
  }
};

double memory_of_machine() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

ordered_json plan_json(const PlanCommand& command, const text::Plan& plan) {
  const text::Workload& work = command.options.workload;
  ordered_json rows = ordered_json::array();
  for (const text::Plan::Row& row : plan.rows) {
    rows.push_back({{"type", row.type},
                    {"weight_bytes", row.weight_bytes},
                    {"memory_bytes", row.weight_bytes + plan.sequence_bytes},
                    {"bytes_per_token", row.rates.bytes_per_token},
                    {"prompt_tokens_per_second", row.rates.prompt},
                    {"decode_tokens_per_second", row.rates.decode}});
    if (const auto hourly = command.hourly()) {
      rows.back()["prompt_price_per_million_tokens"] = text::price_per_million(*hourly, row.rates.prompt);
      rows.back()["decode_price_per_million_tokens"] = text::price_per_million(*hourly, row.rates.decode);
    }
  }
  return {{"family", plan.spec.family},
          {"parameters", plan.size.parameters},
          {"active_parameters", plan.size.active},
          {"context", plan.context},
          {"kv", name(work.kv)},
          {"cache_bytes_per_token", plan.cache_bytes_per_token},
          {"sequence_bytes", plan.sequence_bytes},
          {"prompt", work.prompt},
          {"decode", work.decode},
          {"depth", work.depth},
          {"machine",
           {{"isa", text::Engine::isa()},
            {"threads", plan.machine.threads},
            {"memory_bytes", memory_of_machine()},
            {"read_bytes_per_second", plan.machine.read_bandwidth}}},
          {"types", rows}};
}

std::string count_text(int64_t count) {
  if (count >= 1'000'000'000) return fmt::format("{:.2f} billion", static_cast<double>(count) / 1e9);
  return fmt::format("{:.2f} million", static_cast<double>(count) / 1e6);
}

std::string number_text(double number) {
  return number >= 100 ? fmt::format("{:.0f}", number) : fmt::format("{:.3g}", number);
}

std::string plan_text(const PlanCommand& command, const text::Plan& plan) {
  const text::Workload& work = command.options.workload;
  std::string text = fmt::format("{}: {} parameters", plan.spec.family, count_text(plan.size.parameters));
  if (plan.size.active < plan.size.parameters)
    text += fmt::format(", of which a token uses {}", count_text(plan.size.active));
  text += "\n";
  if (plan.cache_bytes_per_token > 0)
    text += fmt::format("cache ({}): {} a token, ", name(work.kv), bytes_text(double(plan.cache_bytes_per_token)));
  else
    text += "state: ";
  text += fmt::format("{} for a sequence of {} tokens\n", bytes_text(double(plan.sequence_bytes)), plan.context);
  text += fmt::format("this machine: {} of memory, read at {:.1f} GB/s; {}, {} threads\n\n",
                      bytes_text(memory_of_machine()), plan.machine.read_bandwidth / 1e9, text::Engine::isa(),
                      plan.machine.threads);

  const auto hourly = command.hourly();
  text += fmt::format("{:<10}{:>10}{:>17}{:>17}{:>17}", "type", "weights", "with a sequence",
                      fmt::format("prompt of {}", work.prompt), fmt::format("decode of {}", work.decode));
  if (hourly) text += fmt::format("{:>24}", "per million tokens");
  text += "\n";
  bool too_large = false;
  for (const text::Plan::Row& row : plan.rows) {
    const auto memory = static_cast<double>(row.weight_bytes + plan.sequence_bytes);
    const bool fits = memory < memory_of_machine();
    too_large |= !fits;
    text +=
        fmt::format("{:<10}{:>10}{:>17}{}{:>12} t/s{:>13} t/s", row.type, bytes_text(double(row.weight_bytes)),
                    bytes_text(memory), fits ? " " : "*", number_text(row.rates.prompt), number_text(row.rates.decode));
    if (hourly)
      text += fmt::format("{:>12}{:>12}", number_text(text::price_per_million(*hourly, row.rates.prompt)),
                          number_text(text::price_per_million(*hourly, row.rates.decode)));
    text += "\n";
  }
  if (too_large) text += "* more than this machine has: the rates are what it would reach if it had it\n";
  return text;
}

void plan(const PlanCommand& command) {
  const text::Plan plan = text::make_plan(command.model, command.options);
  if (command.json)
    print_json(plan_json(command, plan));
  else
    print(plan_text(command, plan));
}

}  // namespace

void add_plan(CLI::App& app) {
  CLI::App* command = app.add_subcommand("plan", "Tell a model's size, memory, speed and cost before it runs");
  auto options = std::make_shared<PlanCommand>();
  command
      ->add_option("model", options->model,
                   "A config.json of a known family, with or without weights beside it, or any model")
      ->required()
      ->option_text("CONFIG|MODEL");
  text::PlanOptions& plan_options = options->options;
  text::Workload& work = plan_options.workload;
  command->add_option("--type", plan_options.types, "Only this type of weights, such as Q4_K_M; may be repeated")
      ->option_text("TYPE ...")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  const auto count = [&](const char* name, int64_t& value, const char* description, int64_t least) {
    command->add_option(name, value, description)->capture_default_str()->check(CLI::Range(least, int64_t{1} << 30));
  };
  count("-p,--prompt", work.prompt, "Tokens of the prompt", 1);
  count("-n,--decode", work.decode, "Tokens of the answer", 1);
  count("-d,--depth", work.depth, "Tokens in the context before them", 0);
  count("-c,--context", plan_options.context,
        "Tokens of a sequence whose memory is told; 0 is the model's, at most 8192", 0);
  command->add_option("-t,--threads", plan_options.threads, "Threads; 0 is one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  command
      ->add_option_function<std::string>(
          "--kv", [&work](const std::string& type) { work.kv = dtype_from_name(type); },
          "Element type of the key-value cache")
      ->check(CLI::IsMember({"f32", "f16", "q8_0", "q4_0"}))
      ->default_str(std::string(name(work.kv)));
  CLI::Option* hourly =
      command->add_option("--price-per-hour", options->price_per_hour, "What the machine costs: adds costs of tokens")
          ->option_text("PRICE")
          ->check(CLI::PositiveNumber);
  CLI::Option* power =
      command->add_option("--price-per-kwh", options->price_per_kwh, "What energy costs: with --watts, costs of tokens")
          ->option_text("PRICE")
          ->check(CLI::PositiveNumber)
          ->excludes(hourly);
  CLI::Option* watts = command->add_option("--watts", options->watts, "What the machine draws while it computes")
                           ->option_text("WATTS")
                           ->check(CLI::PositiveNumber)
                           ->needs(power);
  power->needs(watts);
  command->add_flag("--json", options->json, "Print the plan as JSON");
  set_examples(
      *command,
      {{"orrery plan smollm2", "the default model: memory and speed with other types of weights"},
       {"orrery plan config.json --type Q4_0 --price-per-kwh 0.30 --watts 65", "what a million tokens cost"},
       {"orrery plan examples/plan/mixture-16x111b.json", "a model that nobody has at home, from its config alone"}});
  command->callback([options] { plan(*options); });
}

}  // namespace orrery::cli
