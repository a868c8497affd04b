// prefer ANSWERS.jsonl SEED: pairs of answers with a preference, from what measure_policy --out wrote.
//
// Neighbours that answer one prompt become a pair; which of them is preferred is drawn by Bradley and Terry 1952:
// p(a before b) = σ(score(a) - score(b)). Answers that did not end, and pairs of the same text, are left out.
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "orrery/base/random.h"

namespace orrery {
namespace {
using Json = nlohmann::ordered_json;

void prefer(const std::string& path, uint64_t seed) {
  std::ifstream file(path);
  file.exceptions(std::ios::badbit);
  if (!file) throw std::runtime_error(path + " cannot be read");
  RandomStream stream(seed, "preferences");
  int pairs = 0, left_out = 0, better = 0, ties = 0;
  std::string first, second;
  while (std::getline(file, first) && std::getline(file, second)) {
    Json a = Json::parse(first), b = Json::parse(second);
    const double margin = a["score"].get<double>() - b["score"].get<double>();
    const bool first_preferred = stream.uniform() < 1 / (1 + std::exp(-margin));
    if (a["prompt"] != b["prompt"] || !a["ended"] || !b["ended"] || a["completion"] == b["completion"]) {
      ++left_out;
      continue;
    }
    ++pairs;
    ties += margin == 0;
    better += margin != 0 && first_preferred == (margin > 0);
    const Json &chosen = first_preferred ? a : b, &rejected = first_preferred ? b : a;
    fmt::print(
        "{}\n",
        Json{{"prompt", a["prompt"]}, {"chosen", chosen["completion"]}, {"rejected", rejected["completion"]}}.dump());
  }
  fmt::print(stderr, "{} pairs, {} left out; scores differ in {}, and in {} of these the better one is preferred\n",
             pairs, left_out, pairs - ties, better);
}

}  // namespace
}  // namespace orrery

int main(int count, char** arguments) try {
  if (count != 3) {
    fmt::print(stderr, "usage: prefer ANSWERS.jsonl SEED\n");
    return 2;
  }
  orrery::prefer(arguments[1], std::stoull(arguments[2]));
} catch (const std::exception& error) {
  fmt::print(stderr, "prefer: {}\n", error.what());
  return 2;
}
