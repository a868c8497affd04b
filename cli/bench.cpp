// orrery bench: tokens per second of a model on this machine, with the memory bandwidth that bounds them beside.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "orrery/base/error.h"
#include "orrery/base/thread_pool.h"
#include "orrery/kernels/bandwidth/bandwidth.h"
#include "orrery/text/evaluation/throughput.h"

namespace orrery::cli {
namespace {

using nlohmann::ordered_json;

struct BenchCommand {
  std::string model;
  bool profile = false;
  text::EngineOptions engine;
  text::ThroughputOptions options;
  OutputOptions output;
};

struct Report {
  text::Throughput throughput;
  int64_t peak_memory_bytes = 0;
  double bandwidth = 0;  // bytes per second
  // Bytes that decoding one token of one sequence reads, times the steps per second, over what the machine can read.
  double bandwidth_share = 0;
};

// Measured in a process of its own, so that the 512 MB that it reads do not count as this one's memory, and before
// there are threads that fork() would leave behind. Nobody waits for the child: the system adds the memory of those
// that were waited for.
double measure_bandwidth(int threads) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw Error({.doing = "open a pipe", .found = std::strerror(errno)});
  const auto previous = std::signal(SIGCHLD, SIG_IGN);
  const pid_t child = ::fork();
  if (child == 0) {
    double bandwidth = 0;
    try {
      ThreadPool pool(threads);
      bandwidth = kernels::read_bandwidth(pool);
    } catch (const std::exception&) {  // no memory: 0 says so
    }
    ::_exit(::write(pipe[1], &bandwidth, sizeof bandwidth) == sizeof bandwidth ? 0 : 1);
  }
  ::close(pipe[1]);
  double bandwidth = 0;
  if (child < 0 || ::read(pipe[0], &bandwidth, sizeof bandwidth) != sizeof bandwidth) bandwidth = 0;
  ::close(pipe[0]);
  std::signal(SIGCHLD, previous);
  return bandwidth;
}

// The largest resident size this process has had: VmHWM of proc(5).
int64_t peak_memory_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  return 0;
}

std::vector<std::pair<std::string, double>> shares(std::vector<std::pair<std::string, double>> profile) {
  double sum = 0;
  for (const auto& [kernel, seconds] : profile) sum += seconds;
  for (auto& [kernel, seconds] : profile) seconds = sum > 0 ? seconds / sum : 0;
  std::ranges::stable_sort(profile, std::greater<>(), &std::pair<std::string, double>::second);
  return profile;
}

ordered_json shares_json(const std::vector<std::pair<std::string, double>>& profile) {
  ordered_json document = ordered_json::object();
  for (const auto& [kernel, share] : shares(profile)) document[kernel] = share;
  return document;
}

ordered_json report_json(const BenchCommand& command, const text::Engine& engine, const Report& report) {
  const auto& [prompt, decode, prompt_first, prompt_last, prompt_profile, decode_profile, drafted, accepted] =
      report.throughput;
  ordered_json document = {{"model", model_name(engine.checkpoint())},
                           {"isa", text::Engine::isa()},
                           {"threads", engine.options().threads},
                           {"exact", engine.options().exact},
                           {"kv", name(engine.options().kv_dtype)},
                           {"prompt", command.options.prompt},
                           {"decode", command.options.decode},
                           {"sequences", command.options.sequences},
                           {"depth", command.options.depth},
                           {"repetitions", command.options.repetitions},
                           {"prompt_tokens_per_second", text::mean_and_deviation(prompt).first},
                           {"prompt_tokens_per_second_samples", prompt},
                           {"prompt_seconds_per_token_first", prompt_first},
                           {"prompt_seconds_per_token_last", prompt_last},
                           {"decode_tokens_per_second", text::mean_and_deviation(decode).first},
                           {"decode_tokens_per_second_samples", decode},
                           {"drafted_tokens", drafted},
                           {"accepted_tokens", accepted},
                           {"bytes_per_token", engine.bytes_per_token()},
                           {"memory_bandwidth_gb_per_second", report.bandwidth / 1e9},
                           {"memory_bandwidth_share", report.bandwidth_share},
                           {"file_bytes", engine.checkpoint().file_bytes()},
                           {"weight_bytes", engine.weight_bytes()},
                           {"kv_bytes", engine.kv_bytes()},
                           {"sequence_bytes", engine.sequence_bytes()},
                           {"peak_memory_bytes", report.peak_memory_bytes}};
  if (command.profile)
    document["profile"] = {{"prompt", shares_json(prompt_profile)}, {"decode", shares_json(decode_profile)}};
  return document;
}

std::string rate_line(const std::string& title, const std::vector<double>& rates) {
  if (rates.empty()) return "";
  const auto [mean, deviation] = text::mean_and_deviation(rates);
  return fmt::format("{:<22}{:8.1f} ± {:.1f} tokens/s\n", title, mean, deviation);
}

std::string profile_text(const std::string& title, const std::vector<std::pair<std::string, double>>& profile) {
  std::string text;
  for (const auto& [kernel, share] : shares(profile))
    if (share >= 0.001) text += fmt::format("  {:<24}{:5.1f} %\n", kernel, 100 * share);
  return text.empty() ? "" : title + "\n" + text;
}

std::string report_text(const BenchCommand& command, const text::Engine& engine, const Report& report) {
  const text::ThroughputOptions& options = command.options;
  const std::string many = options.sequences > 1 ? fmt::format(" × {}", options.sequences) : "";
  std::string text = fmt::format("{}, {}, {} threads\n", model_name(engine.checkpoint()), text::Engine::isa(),
                                 engine.options().threads);
  text += rate_line(fmt::format("prompt of {}{}", options.prompt, many), report.throughput.prompt);
  if (report.throughput.prompt_last > 0)
    text += fmt::format("{:<22}{:8.2f} ms a token at its start, {:.2f} at its end ({:.2f} ×)\n", "",
                        1e3 * report.throughput.prompt_first, 1e3 * report.throughput.prompt_last,
                        report.throughput.prompt_last / report.throughput.prompt_first);
  text += rate_line(fmt::format("decode of {}{}", options.decode, many), report.throughput.decode);
  if (report.throughput.drafted > 0)
    text += fmt::format("{:<22}{:>8} of {} right\n", "guesses", report.throughput.accepted, report.throughput.drafted);
  text += fmt::format("{:<22}{:8.1f} GB/s", "memory bandwidth", report.bandwidth / 1e9);
  if (report.bandwidth_share > 0)
    text += fmt::format("; decode reads {} a step: {:.0f} % of it",
                        bytes_text(static_cast<double>(engine.bytes_per_token())), 100 * report.bandwidth_share);
  text += fmt::format("\n{:<22}{:>8} at most; file {}, cache {}\n", "memory",
                      bytes_text(static_cast<double>(report.peak_memory_bytes)),
                      bytes_text(static_cast<double>(engine.checkpoint().file_bytes())),
                      bytes_text(static_cast<double>(engine.kv_bytes())));
  if (command.profile)
    text += profile_text("time in prompts", report.throughput.prompt_profile) +
            profile_text("time in decoding", report.throughput.decode_profile);
  return text;
}

void bench(BenchCommand& command) {
  command.engine.max_sequences = static_cast<int>(std::max<int64_t>(command.options.sequences, 1));
  if (command.engine.context == 0)  // what the measurements need, so that the cache is no larger
    command.engine.context = text::tokens_needed(command.options);
  Report report{.bandwidth = measure_bandwidth(command.engine.threads)};
  const auto engine = load_engine(command.model, command.engine, command.output);
  {
    Progress bar({.title = "measuring", .unit = "runs", .style = command.output.progress()});
    const InterruptScope interrupt;
    report.throughput = text::measure_throughput(*engine, command.options, [&](int64_t done, int64_t total) {
      interrupt.check();
      bar.update(done, total);
    });
  }
  report.peak_memory_bytes = peak_memory_bytes();
  const double steps =
      text::mean_and_deviation(report.throughput.decode).first / static_cast<double>(command.options.sequences);
  if (report.bandwidth > 0)
    report.bandwidth_share = steps * static_cast<double>(engine->bytes_per_token()) / report.bandwidth;
  if (command.output.json)
    print_json(report_json(command, *engine, report));
  else
    print(report_text(command, *engine, report));
}

}  // namespace

void add_bench(CLI::App& app) {
  CLI::App* command = app.add_subcommand("bench", "Measure a model's speed on this machine");
  auto options = std::make_shared<BenchCommand>();
  add_model_argument(*command, options->model);
  const auto count = [&](const char* name, auto& value, const char* description, int64_t least) {
    command->add_option(name, value, description)->capture_default_str()->check(CLI::Range(least, int64_t{1} << 30));
  };
  count("-p,--prompt", options->options.prompt, "Tokens of the prompt; 0 leaves it out", 0);
  count("-n,--decode", options->options.decode, "Tokens of the answer; 0 leaves it out", 0);
  count("--sequences", options->options.sequences, "Sequences at once; rates are of all together", 1);
  count("-d,--depth", options->options.depth, "Tokens in the context before the clock starts", 0);
  count("-r,--repetitions", options->options.repetitions, "Measurements of each, after one for warming up", 1);
  command->add_flag("--profile", options->profile, "Print the share of the time in each kernel");
  add_engine_options(*command, options->engine);
  add_output_options(*command, options->output, "the numbers");
  set_examples(*command,
               {{"orrery bench smollm2", "prompt of 512, answer of 128, all cores"},
                {"orrery bench smollm2 --threads 2 --sequences 16 --prompt 128 --json", "many sequences, for a script"},
                {"orrery bench smollm2 --depth 7680 --profile", "speed and profile at the end of a long context"}});
  command->callback([options] { bench(*options); });
}

}  // namespace orrery::cli
