// An engine's tests on a real, trained, tiny model: stories260K of ../shared.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orrery/text/engine/engine.h"

namespace orrery::text {

/// Null where ../shared is missing.
inline std::shared_ptr<const Checkpoint> stories() {
  static const auto checkpoint = []() -> std::shared_ptr<const Checkpoint> {
    const std::filesystem::path path =
        std::filesystem::path(ORRERY_SOURCE_DIR) / "../shared/data/weights/stories260K/stories260K.gguf";
    return std::filesystem::exists(path) ? Checkpoint::open(path.string()) : nullptr;
  }();
  return checkpoint;
}

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!stories()) GTEST_SKIP() << "needs ../shared/data/weights/stories260K";
  }
  static Request request(const std::string& prompt, int64_t max_tokens = 40) {
    Request r;
    r.prompt = stories()->tokenizer().encode(prompt);
    r.sampling.temperature = 0;
    r.max_tokens = max_tokens;
    r.ignore_eos = true;
    return r;
  }
  struct Answer {
    std::vector<TokenId> tokens;
    std::string text;
    FinishReason finish = FinishReason::kNone;
    RequestStats stats;
  };
  static Answer answer(Stream stream) {
    Answer a;
    for (StreamEvent event; stream.next(event);) {
      if (event.token >= 0) a.tokens.push_back(event.token);
      a.text += event.text;
      a.finish = event.finish;
      EXPECT_EQ(event.error, "");
    }
    a.stats = stream.stats();
    return a;
  }
  static std::string long_prompt(int words) {
    std::string text = "Once upon a time";
    for (int i = 0; i < words; ++i)
      text += i % 3 == 0 ? " there was a dog" : i % 3 == 1 ? " and a cat" : " in the park";
    return text;
  }
};

}  // namespace orrery::text
