// tilted ANSWERS.jsonl SEED: what can be made of the reference without training, from its own answers and their scores.
//
// Both policies below prefer answers by their score alone, so all that matters of a prompt is how probable each score
// is, p(s); measure_policy's draws estimate that. Within a score the answers are the reference's, and so
// KL = Σ q(s) log(q(s)/p(s)).
//   best of n: q(s) = F(s)^n - F(s-)^n with F the cumulative p. The often quoted log n - (n-1)/n bounds its KL from
//     above (Beirami et al. 2024, "Theoretical guarantees on the best-of-n alignment policy"), and is it where no two
//     answers have the same score.
//   optimum: q(s) ∝ p(s) e^(s/β), which has the largest reward of all policies of its KL (Rafailov et al. 2023, eq. 4).
//     Not for a small β: then answers count that are too rare to be among the draws, and the estimate is too low.
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace orrery {
namespace {
using Json = nlohmann::ordered_json;
using Distribution = std::map<double, double>;  // probabilities of scores

std::vector<Distribution> read(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  std::map<std::string, Distribution> of_prompts;
  std::string line;
  while (std::getline(file, line)) {
    const Json row = Json::parse(line);
    ++of_prompts[row["prompt"].dump()][row["score"]];
  }
  std::vector<Distribution> distributions;
  for (auto& [prompt, counts] : of_prompts) {
    double sum = 0;
    for (const auto& [score, count] : counts) sum += count;
    for (auto& [score, count] : counts) count /= sum;
    distributions.push_back(std::move(counts));
  }
  return distributions;
}

Distribution best_of(const Distribution& p, int n) {
  Distribution q;
  double below = 0;
  for (const auto& [score, probability] : p) {
    q[score] = std::pow(below + probability, n) - std::pow(below, n);
    below += probability;
  }
  return q;
}

Distribution optimum(const Distribution& p, double beta) {
  Distribution q;
  double sum = 0;
  for (const auto& [score, probability] : p) sum += q[score] = probability * std::exp(score / beta);
  for (auto& [score, probability] : q) probability /= sum;
  return q;
}

/// Means over prompts, as a line of JSON.
void print(Json line, const std::vector<Distribution>& prompts,
           const std::function<Distribution(const Distribution&)>& policy) {
  double reward = 0, kl = 0;
  for (const Distribution& p : prompts)
    for (const auto& [score, probability] : policy(p)) {
      reward += probability * score;
      if (probability > 0) kl += probability * std::log(probability / p.at(score));
    }
  const auto count = static_cast<double>(prompts.size());
  line.update({{"reward", reward / count}, {"kl", kl / count}});
  fmt::print("{}\n", line.dump());
}

void tilt(const std::string& path, int seed) {
  const std::vector<Distribution> prompts = read(path);
  for (const int n : {2, 4, 8, 16})
    print({{"method", "best of n"},
           {"setting", fmt::format("n = {}", n)},
           {"seed", seed},
           {"kl_bound", std::log(n) - (n - 1.0) / n}},
          prompts, [&](const Distribution& p) { return best_of(p, n); });
  for (const double beta : {100.0, 5.0, 3.0, 2.0, 1.5, 1.2, 1.0, 0.8, 0.65, 0.5, 0.4, 0.35, 0.3, 0.25})
    print({{"method", "optimum"}, {"setting", fmt::format("β = {}", beta)}, {"seed", seed}}, prompts,
          [&](const Distribution& p) { return optimum(p, beta); });
}

}  // namespace
}  // namespace orrery

int main(int count, char** arguments) try {
  if (count != 3) {
    fmt::print(stderr, "usage: tilted ANSWERS.jsonl SEED\n");
    return 2;
  }
  orrery::tilt(arguments[1], std::stoi(arguments[2]));
} catch (const std::exception& error) {
  fmt::print(stderr, "tilted: {}\n", error.what());
  return 2;
}
