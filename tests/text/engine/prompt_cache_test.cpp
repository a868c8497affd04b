// Prompts on disk: what comes back, and what is refused.
#include "orrery/text/engine/prompt_cache.h"

#include <algorithm>
#include <fstream>

#include "orrery/base/file.h"
#include "tests/text/engine/stories.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {
namespace {

class PromptCacheTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    r = request(long_prompt(40), 8);
    Engine engine(stories(), {.threads = 1});
    expected = answer(engine.submit(r));
    saved = engine.save_prompt(file(), r.prompt);
  }
  std::string file() const { return (folder / "prompt.cache").string(); }
  /// What loading says after a change to the file's bytes.
  std::string after(const std::function<void(std::string&)>& change) const {
    std::string bytes = read_text(file());
    change(bytes);
    const std::string changed = (folder / "changed.cache").string();
    std::ofstream(changed, std::ios::binary) << bytes;
    return error_of([&] { Engine(stories(), {.threads = 1}).load_prompt(changed); });
  }

  TempFolder folder;
  Request r;
  Answer expected;
  int64_t saved = 0;
};

TEST_F(PromptCacheTest, GivesAPromptsWholePagesToTheNextRun) {
  ASSERT_GT(r.prompt.size(), 64u);
  EXPECT_EQ(saved, static_cast<int64_t>(r.prompt.size()) / 64 * 64);
  Engine engine(stories(), {.threads = 1});
  EXPECT_EQ(engine.load_prompt(file()), saved);
  const Answer again = answer(engine.submit(r));
  EXPECT_EQ(again.stats.cached_tokens, (static_cast<int64_t>(r.prompt.size()) - 1) / 64 * 64);
  EXPECT_EQ(again.tokens, expected.tokens);
  EXPECT_EQ(answer(engine.submit(request("Another story"))).stats.cached_tokens, 0);
}

TEST_F(PromptCacheTest, AStaleOneIsRefusedByTheFieldThatDiffers) {
  const auto refusal = [&](const EngineOptions& options) {
    return error_of([&] { Engine(stories(), options).load_prompt(file()); });
  };
  expect_contains(refusal({.kv_dtype = DType::kF32}), {file(), "kv", "found f16", "expected f32"});
  expect_contains(refusal({.exact = true}), {"exact"});
  expect_contains(refusal({.context = 1024, .rope_scaling = RopeSpec::Scaling::kLinear}), {"rope", "none", "linear"});
  expect_contains(refusal({.context = 128, .overflow = Overflow::kSinks}), {"windows", "sinks 0", "sinks 4"});
  TempFolder other;
  write_tiny_model(other.path(), tiny_config());
  expect_contains(error_of([&] { Engine(Checkpoint::open(other.path().string()), {}).load_prompt(file()); }),
                  {"vocab_size", "found 512", "expected 96"});
}

TEST_F(PromptCacheTest, TheWeightsThemselvesAreCompared) {
  TempFolder first, second;
  write_tiny_model(first.path(), tiny_config());
  write_tiny_model(second.path(), tiny_config(), [](TinyTensors& tensors) {
    const auto changed = std::ranges::find(tensors.views, "model.layers.0.self_attn.k_proj.weight", &TensorView::name);
    tensors.values[changed - tensors.views.begin()][0] += 1;
  });
  const auto fingerprint = [](const TempFolder& model) {
    const auto checkpoint = Checkpoint::open(model.path().string());
    return prompt_fingerprint(*checkpoint, checkpoint->spec(), {DType::kF16, 2, 16}, false);
  };
  PromptFingerprint a = fingerprint(first), b = fingerprint(second);
  EXPECT_NE(a, b);
  std::erase_if(a, [](const auto& field) { return field.first == "weights"; });
  std::erase_if(b, [](const auto& field) { return field.first == "weights"; });
  EXPECT_EQ(a, b) << "and nothing else differs";
}

TEST_F(PromptCacheTest, ADamagedOneIsRefused) {
  expect_contains(after([](std::string& bytes) { bytes[bytes.size() - 100] ^= 1; }), {"changed.cache", "digest"});
  for (size_t size : {size_t{0}, size_t{7}, size_t{100}, size_t{2000}})
    expect_contains(after([&](std::string& bytes) { bytes.resize(size); }), {"changed.cache"});
  expect_contains(after([](std::string& bytes) { bytes.resize(bytes.size() - 1); }), {"changed.cache"});
  const auto replace = [](std::string from, std::string to) {
    return [=](std::string& bytes) { bytes.replace(bytes.find(from), from.size(), to); };
  };
  expect_contains(after(replace(R"("version":"1")", R"("version":"7")")), {"version", "found 7", "expected 1"});
  expect_contains(after(replace("page.1", "page.7")), {"page.1", "no such tensor"});
  expect_contains(after(replace("orrery prompt", "orrery tensor")), {"format", "orrery tensor cache"});
}

}  // namespace
}  // namespace orrery::text
