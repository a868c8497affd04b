// logits MODEL ID...: the exact logits after each token, as raw float32 [ids, vocab_size] on standard output. What the
// scripts in tests/oracles compare other programs with.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/text/engine/engine.h"

int main(int count, char** arguments) try {
  if (count < 3) {
    std::fputs("usage: logits MODEL ID...\n", stderr);
    return 2;
  }
  std::vector<orrery::text::TokenId> ids;
  for (int i = 2; i < count; ++i) ids.push_back(std::atoi(arguments[i]));
  orrery::text::Engine engine(orrery::text::Checkpoint::open(arguments[1]), {.exact = true});
  engine.score(ids, [](int64_t, std::span<const float> logits) {
    std::fwrite(logits.data(), sizeof(float), logits.size(), stdout);
  });
} catch (const orrery::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
