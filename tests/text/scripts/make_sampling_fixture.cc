// Makes tests/fixtures/sampling/llama_cpp.json: what llama.cpp's own samplers leave of given logits.
//
//   LLAMA: llama.cpp as the source package of llama-cpp-python 0.3.36 has it (vendor/llama.cpp), built in LLAMA/build
//   g++ -std=c++20 -I LLAMA/include -I LLAMA/ggml/include -I LLAMA/src tests/text/scripts/make_sampling_fixture.cc \
//     LLAMA/build/src/libllama.a LLAMA/build/ggml/src/libggml{,-cpu,-base}.a -fopenmp -ldl -lpthread -o
//     make_sampling_fixture
//   ./make_sampling_fixture > tests/fixtures/sampling/llama_cpp.json
//
// The vocabulary is the tests' ToyTokenizer: 256 bytes and an end, so that a sequence breaker's tokens are its bytes.
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "llama-sampler.h"
#include "llama.h"

namespace {

constexpr int kVocab = 257;

struct Options {
  float temperature = 1, top_p = 1, min_p = 0, top_n_sigma = -1, typical_p = 1;
  int top_k = 0;
  float repeat_penalty = 1, frequency_penalty = 0, presence_penalty = 0;
  int penalty_last_n = 64;
  float dry_multiplier = 0, dry_base = 1.75f;
  int dry_allowed_length = 2, dry_penalty_last_n = 64;
  std::vector<std::string> dry_sequence_breakers;
  int mirostat = 0;
  float mirostat_tau = 5, mirostat_eta = 0.1f;
  std::vector<std::pair<int, float>> logit_bias;
  int min_keep = 1;
};

llama_sampler* chain_of(const Options& o) {
  llama_sampler* chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
  std::vector<llama_logit_bias> bias;
  for (auto [token, value] : o.logit_bias) bias.push_back({token, value});
  if (!bias.empty())
    llama_sampler_chain_add(chain, llama_sampler_init_logit_bias(kVocab, int(bias.size()), bias.data()));
  llama_sampler_chain_add(chain, llama_sampler_init_penalties(kVocab, o.penalty_last_n, o.repeat_penalty,
                                                              o.frequency_penalty, o.presence_penalty));
  std::vector<std::vector<llama_token>> breakers;
  for (const auto& text : o.dry_sequence_breakers) breakers.emplace_back(text.begin(), text.end());
  if (o.dry_multiplier != 0)
    llama_sampler_chain_add(chain, llama_sampler_init_dry_testing(o.dry_multiplier, o.dry_base, o.dry_allowed_length,
                                                                  o.dry_penalty_last_n, breakers));
  if (o.mirostat == 2) {
    llama_sampler_chain_add(chain, llama_sampler_init_temp(o.temperature));
    llama_sampler_chain_add(chain, llama_sampler_init_mirostat_v2(7, o.mirostat_tau, o.mirostat_eta));
    return chain;
  }
  llama_sampler_chain_add(chain, llama_sampler_init_top_n_sigma(o.top_n_sigma));
  llama_sampler_chain_add(chain, llama_sampler_init_top_k(o.top_k));
  llama_sampler_chain_add(chain, llama_sampler_init_typical(o.typical_p, o.min_keep));
  llama_sampler_chain_add(chain, llama_sampler_init_top_p(o.top_p, o.min_keep));
  llama_sampler_chain_add(chain, llama_sampler_init_min_p(o.min_p, o.min_keep));
  llama_sampler_chain_add(chain, llama_sampler_init_temp_ext(o.temperature, 0, 1));
  llama_sampler_chain_add(chain, llama_sampler_init_dist(7));
  return chain;
}

void print_options(const Options& o) {
  const Options d;
  std::printf("\"options\": {\"temperature\": %g, \"top_k\": %d, \"top_p\": %g, \"min_p\": %g", o.temperature, o.top_k,
              o.top_p, o.min_p);
  const auto number = [](const char* name, double value, double usual) {
    if (value != usual) std::printf(", \"%s\": %.9g", name, value);
  };
  number("top_n_sigma", o.top_n_sigma, d.top_n_sigma);
  number("typical_p", o.typical_p, d.typical_p);
  number("repeat_penalty", o.repeat_penalty, d.repeat_penalty);
  number("frequency_penalty", o.frequency_penalty, d.frequency_penalty);
  number("presence_penalty", o.presence_penalty, d.presence_penalty);
  number("penalty_last_n", o.penalty_last_n, d.penalty_last_n);
  number("dry_multiplier", o.dry_multiplier, d.dry_multiplier);
  number("dry_base", o.dry_base, d.dry_base);
  number("dry_allowed_length", o.dry_allowed_length, d.dry_allowed_length);
  number("dry_penalty_last_n", o.dry_penalty_last_n, d.dry_penalty_last_n);
  number("mirostat", o.mirostat, d.mirostat);
  number("mirostat_tau", o.mirostat_tau, d.mirostat_tau);
  number("mirostat_eta", o.mirostat_eta, d.mirostat_eta);
  number("min_keep", o.min_keep, d.min_keep);
  std::printf(", \"dry_sequence_breakers\": [");
  for (size_t i = 0; i < o.dry_sequence_breakers.size(); ++i)
    std::printf("%s\"%s\"", i ? ", " : "", o.dry_sequence_breakers[i].c_str());
  std::printf("], \"logit_bias\": [");
  for (size_t i = 0; i < o.logit_bias.size(); ++i)
    if (std::isinf(o.logit_bias[i].second))  // JSON has no infinity
      std::printf("%s[%d, null]", i ? ", " : "", o.logit_bias[i].first);
    else
      std::printf("%s[%d, %g]", i ? ", " : "", o.logit_bias[i].first, o.logit_bias[i].second);
  std::printf("]}");
}

// One draw: what is left, and which token it was.
void print_step(llama_sampler* chain, const std::vector<float>& logits) {
  std::vector<llama_token_data> data;
  for (int i = 0; i < kVocab; ++i) data.push_back({i, logits[i], 0});
  llama_token_data_array array{data.data(), data.size(), -1, false};
  llama_sampler_apply(chain, &array);
  std::map<int, float> left;
  for (size_t i = 0; i < array.size; ++i)
    if (array.data[i].p > 0) left[array.data[i].id] = array.data[i].p;
  const int drawn = array.data[array.selected].id;
  std::printf("{\"drawn\": %d, \"left\": [", drawn);
  bool first = true;
  for (auto [id, p] : left) std::printf("%s[%d, %.7g]", std::exchange(first, false) ? "" : ", ", id, p);
  std::printf("]}");
  llama_sampler_accept(chain, drawn);
}

}  // namespace

int main() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 1);
  std::vector<std::vector<float>> logits;
  for (float scale : {1.f, 3.f, 6.f}) {
    logits.emplace_back();
    for (int i = 0; i < kVocab; ++i) logits.back().push_back(std::round(normal(random) * scale * 1e4f) / 1e4f);
  }
  std::printf("{\"logits\": [");
  for (size_t i = 0; i < logits.size(); ++i) {
    std::printf("%s\n[", i ? "," : "");
    for (int j = 0; j < kVocab; ++j) std::printf("%s%.9g", j ? ", " : "", logits[i][j]);
    std::printf("]");
  }
  std::printf("],\n\"cases\": [");

  const std::string words = "the cat sat on the mat. the cat sat on the hat:\nthe cat sat";
  const std::string loop = "abcabcabcabcab*abcabcab";
  const std::vector<std::pair<Options, std::string>> cases = {
      {{}, ""},
      {{.temperature = 0.5f, .top_k = 5}, ""},
      {{.temperature = 0}, ""},
      {{.temperature = 0, .typical_p = 0.3f}, ""},
      {{.top_k = 1}, ""},
      {{.top_k = 1000}, ""},
      {{.top_p = 0.9f}, ""},
      {{.top_p = 0.5f, .min_keep = 20}, ""},
      {{.top_p = 0.0f}, ""},
      {{.min_p = 0.05f}, ""},
      {{.min_p = 0.9f, .min_keep = 7}, ""},
      {{.min_p = 1.0f}, ""},
      {{.min_p = 0.3f, .top_k = 30}, ""},
      {{.typical_p = 0.5f}, ""},
      {{.typical_p = 0.9f, .top_k = 40}, ""},
      {{.typical_p = 0.2f, .min_keep = 10}, ""},
      {{.top_n_sigma = 1}, ""},
      {{.top_n_sigma = 2.5f, .top_k = 100}, ""},
      {{.temperature = 0.8f, .top_p = 0.95f, .min_p = 0.05f, .top_k = 40}, ""},
      {{.temperature = 1.7f, .top_p = 0.8f, .min_p = 0.02f, .typical_p = 0.95f, .top_k = 60}, ""},
      {{.top_k = 10, .logit_bias = {{3, 5}, {4, -INFINITY}, {200, 2.5f}, {3, 1}}}, ""},
      {{.top_k = 50, .repeat_penalty = 1.3f}, words},
      {{.top_k = 50, .repeat_penalty = 0.8f, .frequency_penalty = 0.2f, .presence_penalty = 0.7f}, words},
      {{.top_k = 45, .frequency_penalty = -0.5f, .presence_penalty = 0.3f, .penalty_last_n = 7}, words},
      {{.top_k = 50, .repeat_penalty = 1.3f, .penalty_last_n = 0}, words},
      {{.top_k = 50, .repeat_penalty = 2.0f, .penalty_last_n = 1}, words},
      {{.top_k = 40, .dry_multiplier = 0.8f}, words},
      {{.top_k = 40, .dry_multiplier = 0.8f, .dry_sequence_breakers = {"\\n", ":", "*"}}, words},
      {{.top_k = 40, .dry_multiplier = 0.3f, .dry_sequence_breakers = {"."}}, words},
      {{.top_k = 40, .dry_multiplier = 0.3f, .dry_sequence_breakers = {"at"}}, words},
      {{.top_k = 40, .dry_multiplier = 0.3f, .dry_sequence_breakers = {"mat", "e c"}}, words},
      {{.top_k = 40, .dry_multiplier = 0.05f, .dry_base = 1.1f}, loop},
      {{.top_k = 40, .dry_multiplier = 0.05f, .dry_base = 1.0f, .dry_allowed_length = 0}, loop},
      {{.top_k = 40,
        .dry_multiplier = 0.05f,
        .dry_base = 1.3f,
        .dry_allowed_length = 5,
        .dry_sequence_breakers = {"*"}},
       loop},
      {{.top_k = 40, .dry_multiplier = 0.05f, .dry_base = 1.2f, .dry_penalty_last_n = 9}, loop},
      {{.top_k = 40, .dry_multiplier = 1.0f, .dry_base = 4.0f, .dry_penalty_last_n = 200}, std::string(150, 'a')},
      {{.mirostat = 2, .mirostat_tau = 3}, ""},
      {{.temperature = 0.7f, .mirostat = 2, .mirostat_tau = 1.5f, .mirostat_eta = 0.5f}, ""},
  };
  bool first = true;
  for (const auto& [options, history] : cases) {
    for (size_t which = 0; which < logits.size(); ++which) {
      std::printf("%s\n{", std::exchange(first, false) ? "" : ",");
      Options plain = options;
      for (auto& text : plain.dry_sequence_breakers)
        if (text == "\\n") text = "\n";
      print_options(options);
      std::printf(", \"logits\": %zu, \"history\": [", which);
      for (size_t i = 0; i < history.size(); ++i) std::printf("%s%d", i ? ", " : "", uint8_t(history[i]));
      std::printf("], \"steps\": [");
      llama_sampler* chain = chain_of(plain);
      for (char c : history) llama_sampler_accept(chain, uint8_t(c));
      const int steps = options.mirostat ? 6 : history.empty() ? 1 : 3;
      for (int step = 0; step < steps; ++step) {
        if (step) std::printf(",\n");
        print_step(chain, logits[which]);
      }
      std::printf("]}");
      llama_sampler_free(chain);
    }
  }
  std::printf("\n]}\n");
}
