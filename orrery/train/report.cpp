#include "orrery/train/report.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <vector>

#include "orrery/base/file.h"

namespace orrery::train {

/// The page with its styles and scripts in place (embed.cmake), and {{title}}, {{settings}}, {{data}} left to fill.
std::string_view report_page();

namespace {
namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

/// {"steps": [1, 2], "metrics": {"loss": [3.1, null]}}
OrderedJson columns(const fs::path& file) {
  std::vector<int64_t> steps;
  std::map<std::string, OrderedJson> metrics;
  std::istringstream lines(read_text(file));
  for (std::string line; std::getline(lines, line);) {
    const OrderedJson json = OrderedJson::parse(line);
    for (const auto& [name, value] : json.items()) {
      if (name == "step") {
        steps.push_back(value);
        continue;
      }
      OrderedJson& column = metrics[name];
      while (column.size() + 1 < steps.size()) column.push_back(nullptr);  // "step" is a line's first
      column.push_back(value);
    }
  }
  for (auto& [name, column] : metrics)
    while (column.size() < steps.size()) column.push_back(nullptr);
  return {{"steps", steps}, {"metrics", metrics}};
}

std::string with_entities(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else
      out += c;
  }
  return out;
}

/// Inside <script>, where no "</script>" or "<!--" may stand.
std::string in_script(const OrderedJson& json) {
  std::string out;
  for (const char c : json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace)) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

}  // namespace

void write_report(const fs::path& run, const std::string& settings, const RunState& state, int64_t steps) {
  OrderedJson data = columns(run / "metrics.jsonl");
  data["done"] = state.global_step;
  data["of"] = steps;
  if (state.best_metric) data["best"] = {{"metric", *state.best_metric}, {"step", state.best_global_step}};
  const std::map<std::string_view, std::string> values = {
      {"{{title}}", with_entities(fs::absolute(run).lexically_normal().filename().string())},
      {"{{settings}}", with_entities(settings)},
      {"{{data}}", in_script(data)}};
  AtomicFile out(run / "report.html");
  std::string_view rest = report_page();
  while (!rest.empty()) {
    const auto value = std::ranges::find_if(values, [&](const auto& v) { return rest.starts_with(v.first); });
    if (value != values.end()) {
      out.write(value->second);
      rest.remove_prefix(value->first.size());
      continue;
    }
    const size_t next = std::min(rest.find("{{", 1), rest.size());
    out.write(rest.substr(0, next));
    rest.remove_prefix(next);
  }
  out.commit();
}

}  // namespace orrery::train
