#include "cli/quantize_summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/io.h"

namespace orrery::cli {

void print_summary(const text::QuantizeSummary& summary, const std::string& type, const std::string& output_file,
                   const OutputOptions& output) {
  nlohmann::ordered_json counts = nlohmann::ordered_json::object();
  std::vector<std::string> parts;
  for (const auto& [dtype, count] : summary.tensors) {
    counts[std::string(name(dtype))] = count;
    parts.push_back(fmt::format("{} {}", count, name(dtype)));
  }
  if (output.json)
    return print_json({{"output", output_file},
                       {"type", type},
                       {"input_bytes", summary.input_bytes},
                       {"output_bytes", summary.output_bytes},
                       {"tensors", counts},
                       {"fallbacks", summary.fallbacks}});
  std::string text =
      fmt::format("{}: {} from {}; tensors: {}\n", output_file, bytes_text(static_cast<double>(summary.output_bytes)),
                  bytes_text(static_cast<double>(summary.input_bytes)), fmt::join(parts, ", "));
  if (summary.fallbacks > 0)
    text +=
        fmt::format("{} tensors have rows that no block of the wanted type fits, and got a type of about that size\n",
                    summary.fallbacks);
  print(text);
}

}  // namespace orrery::cli
