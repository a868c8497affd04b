// Holds masks against llama.cpp's grammar sampler: for each grammar file, random texts, and at every token of them the
// tokens that either allows. Prints what differs; ends with 1 if anything did.
//
//   LLAMA: as in make_sampling_fixture.cc · MODEL: a GGUF file with a byte-level vocabulary, such as
//   SmolLM2-135M-Instruct
//   g++ -std=c++20 -O2 -I. -I LLAMA/include -I LLAMA/ggml/include tests/text/scripts/compare_gbnf.cc \
//     build/orrery/text/liborrery_text.a build/orrery/base/liborrery_base.a LLAMA/build/src/libllama.a \
//     LLAMA/build/ggml/src/libggml{,-cpu,-base}.a -lfmt -fopenmp -ldl -lpthread -o compare_gbnf
//   ./compare_gbnf MODEL LLAMA/grammars/*.gbnf tests/fixtures/sampling/*.gbnf
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "llama.h"
#include "orrery/base/error.h"
#include "orrery/text/sampling/grammar.h"

using namespace orrery::text;

namespace {

class LlamaTokenizer : public Tokenizer {
 public:
  explicit LlamaTokenizer(const llama_vocab* vocab) : special_(llama_vocab_n_tokens(vocab)) {
    for (TokenId id = 0; id < TokenId(special_.size()); ++id) {
      char buffer[512];
      const int n = llama_token_to_piece(vocab, id, buffer, sizeof buffer, 0, true);
      pieces_.emplace_back(buffer, size_t(std::max(n, 0)));
      special_[id] = llama_vocab_is_control(vocab, id);
      if (llama_vocab_is_eog(vocab, id)) end_of_generation.push_back(id);
    }
  }
  std::vector<TokenId> encode(std::string_view, const EncodeOptions&) const override { return {}; }
  std::string decode(std::span<const TokenId>, bool) const override { return {}; }
  std::string_view bytes(TokenId id, bool keep_special) const override {
    return special_[id] && !keep_special ? std::string_view() : pieces_[id];
  }
  int64_t size() const override { return int64_t(pieces_.size()); }
  bool is_special(TokenId id) const override { return special_[id]; }
  std::optional<TokenId> find(std::string_view) const override { return std::nullopt; }
  std::string_view piece(TokenId id) const override { return pieces_[id]; }

 private:
  std::vector<std::string> pieces_;
  std::vector<bool> special_;
};

bool ends_inside_character(std::string_view bytes) {
  size_t tail = 0;
  while (tail < bytes.size() && tail < 3 && (bytes[bytes.size() - 1 - tail] & 0xC0) == 0x80) ++tail;
  if (tail >= bytes.size()) return true;  // nothing but continuations: the character began before
  const uint8_t lead = uint8_t(bytes[bytes.size() - 1 - tail]);
  return lead >= 0xC0 && tail < size_t(lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1);
}

}  // namespace

int main(int argc, char** argv) {
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  llama_model_params params = llama_model_default_params();
  params.vocab_only = true;
  const llama_vocab* vocab = llama_model_get_vocab(llama_model_load_from_file(argv[1], params));
  const LlamaTokenizer tokenizer(vocab);
  const auto trie = make_token_trie(tokenizer);
  const TokenId size = TokenId(tokenizer.size());
  std::mt19937 random(1);
  int64_t steps = 0, differences = 0;
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i]);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (int round = 0; round < 6; ++round) {
      Grammar ours = Grammar::from_gbnf(text, trie);
      llama_sampler* theirs = llama_sampler_init_grammar(vocab, text.c_str(), "root");
      if (!theirs) break;
      std::string so_far;
      for (int step = 0; step < 40; ++step) {
        std::vector<float> logits(size, 1.0f);
        ours.mask(logits);
        std::vector<llama_token_data> data;
        for (TokenId id = 0; id < size; ++id) data.push_back({id, 1.0f, 0});
        llama_token_data_array array{data.data(), data.size(), -1, false};
        llama_sampler_apply(theirs, &array);
        std::vector<TokenId> allowed;
        for (TokenId id = 0; id < size; ++id) {
          const bool here = !std::isinf(logits[id]), there = !std::isinf(array.data[id].logit);
          if (here && there && !llama_vocab_is_eog(vocab, id)) allowed.push_back(id);
          if (here == there || (tokenizer.is_special(id) && !llama_vocab_is_eog(vocab, id))) continue;
          const std::string_view bytes = tokenizer.piece(id);
          if (here && (bytes.starts_with('\0') || ends_inside_character(bytes))) continue;
          if (++differences < 50)
            std::printf("%s after \"%s\": token %d \"%.*s\" ours %d theirs %d\n", argv[i], so_far.c_str(), id,
                        int(tokenizer.piece(id).size()), tokenizer.piece(id).data(), here, there);
        }
        ++steps;
        if (allowed.empty()) break;
        // Mostly long tokens, which cross more borders.
        TokenId next = allowed[random() % allowed.size()];
        for (int more = 0; more < 3; ++more) {
          const TokenId other = allowed[random() % allowed.size()];
          if (tokenizer.piece(other).size() > tokenizer.piece(next).size() && random() % 2) next = other;
        }
        ours.accept(next);
        llama_sampler_accept(theirs, next);
        so_far += tokenizer.piece(next);
      }
      llama_sampler_free(theirs);
    }
  }
  std::printf("%ld masks of %d tokens, %ld differences\n", long(steps), size, long(differences));
  return differences > 0;
}
