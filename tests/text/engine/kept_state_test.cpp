// States of recurrent models, kept in memory and on disk: what goes on from one is what would have been computed.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "orrery/base/file.h"
#include "orrery/text/engine/engine.h"
#include "orrery/text/engine/state_cache.h"
#include "orrery/text/tokenizer/rwkv.h"
#include "tests/text/hyena_model.h"
#include "tests/text/tiny_model.h"
#include "tests/text/tiny_rwkv.h"

namespace orrery::text {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kVocabulary = 97;  // ids that all models have

/// A vocabulary for models that come without: the engine answers only those that have one.
void write_vocabulary(const fs::path& folder) {
  std::ofstream file(folder / kRwkvVocabulary);
  for (int64_t i = 1; i < kVocabulary; ++i) file << fmt::format("{} b'\\x{:02x}' 1\n", i, i);
}

const fs::path kSource = ORRERY_SOURCE_DIR;

/// Where a model lies, in `folder` or in the data; nothing there: the data is missing.
fs::path place(const std::string& name, const fs::path& folder) {
  const auto copy = [&](const fs::path& from) {
    if (!fs::exists(from)) return;
    if (fs::is_directory(from))
      for (const auto& entry : fs::directory_iterator(from))
        fs::copy_file(entry.path(), folder / entry.path().filename());
    else
      fs::copy_file(from, folder / from.filename());
    write_vocabulary(folder);
  };
  if (name == "random_hyena") {
    write_tiny_model(folder, hyena_config({{"layer", {{"l_max", 300}, {"order", 3}, {"modulate", true}}}}));
    write_vocabulary(folder);
    return folder;
  }
  if (name.starts_with("random_")) return write_tiny_rwkv(folder, name.substr(7));
  if (name == "golden_hyena") {
    copy(kSource / "../shared/golden/text/hyena");
    return folder;
  }
  if (name.starts_with("golden_")) {
    copy(kSource / "tests/fixtures/golden/text" / name.substr(7));
    return name == "golden_rwkv4" ? folder / "original.pth" : folder;  // of the other there is the hub's form alone
  }
  return kSource / "../shared/data/weights/rwkv-tiny" / ("tiny-rwkv-" + name + ".bin");
}

struct Answer {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;  ///< of the likeliest at each place, to the bit
  RequestStats stats;
  bool operator==(const Answer& other) const { return tokens == other.tokens && logprobs == other.logprobs; }
};

class KeptState : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const fs::path path = place(GetParam(), models_.path());
    if (!fs::exists(path) || fs::is_empty(path)) GTEST_SKIP() << "needs ../shared: " << path;
    checkpoint = Checkpoint::open(path.string());
    const int64_t length = std::min<int64_t>(200, Engine(checkpoint, {.threads = 1}).options().context - 24);
    for (int64_t i = 0; i < length; ++i) prompt.push_back(static_cast<TokenId>((i * i + i / 9) % kVocabulary));
  }
  std::string file() const { return (files_ / "prompt.cache").string(); }
  std::span<const TokenId> before_last() const { return std::span(prompt).first(prompt.size() - 1); }

  static Answer ask(Engine& engine, std::span<const TokenId> tokens, bool cache_prompt = false) {
    Request request;
    request.prompt.assign(tokens.begin(), tokens.end());
    request.sampling.temperature = 0;
    request.max_tokens = 8;
    request.top_logprobs = 5;
    request.ignore_eos = true;
    request.cache_prompt = cache_prompt;
    Answer answer;
    Stream stream = engine.submit(std::move(request));
    for (StreamEvent event; stream.next(event);) {
      EXPECT_EQ(event.error, "");
      if (event.token >= 0) answer.tokens.push_back(event.token);
      for (const TokenLogprob& logprob : event.logprobs) answer.logprobs.push_back(logprob.logprob);
    }
    EXPECT_EQ(answer.tokens.size(), 8u);
    answer.stats = stream.stats();
    return answer;
  }
  /// What an engine that has seen nothing says.
  Answer computed(std::span<const TokenId> tokens) const {
    Engine engine(checkpoint, {.threads = 2});
    return ask(engine, tokens);
  }
  void save() const {
    Engine engine(checkpoint, {.threads = 2, .prompt_chunk = 64});
    EXPECT_EQ(ask(engine, prompt, true), computed(prompt)) << "the step between";
    EXPECT_EQ(engine.save_prompt(file(), before_last()), static_cast<int64_t>(before_last().size()));
  }

  std::shared_ptr<const Checkpoint> checkpoint;
  std::vector<TokenId> prompt;

 private:
  TempFolder models_, files_;
};

TEST_P(KeptState, TheNextRunComputesOnlyTheRest) {
  save();
  Engine engine(checkpoint, {.threads = 1});
  const auto saved = static_cast<int64_t>(before_last().size());
  EXPECT_EQ(engine.load_prompt(file()), saved);
  const Answer again = ask(engine, prompt);
  EXPECT_EQ(again.stats.cached_tokens, saved);
  EXPECT_EQ(again, computed(prompt));

  std::vector<TokenId> longer = prompt;
  for (TokenId token : {5, 6, 7, 50, 8}) longer.push_back(token);
  const Answer further = ask(engine, longer);
  EXPECT_EQ(further.stats.cached_tokens, saved);
  EXPECT_EQ(further, computed(longer));
}

TEST_P(KeptState, ShorterAndOtherPromptsAreComputedFromTheStart) {
  save();
  Engine engine(checkpoint, {.threads = 2});
  engine.load_prompt(file());
  std::vector<std::vector<TokenId>> others(4, prompt);
  others[0].pop_back();                 // all of the saved tokens, none to compute
  others[1].resize(prompt.size() / 2);  // a part of them
  others[2][prompt.size() / 2] = (others[2][prompt.size() / 2] + 1) % kVocabulary;  // another in their midst
  others[3][prompt.size() - 2] = (others[3][prompt.size() - 2] + 1) % kVocabulary;  // another at their end
  for (const auto& tokens : others) {
    const Answer answer = ask(engine, tokens);
    EXPECT_EQ(answer.stats.cached_tokens, 0);
    EXPECT_EQ(answer, computed(tokens));
  }
  EXPECT_EQ(ask(engine, prompt).stats.cached_tokens, static_cast<int64_t>(before_last().size())) << "it is still there";
}

TEST_P(KeptState, AConversationGoesOnFromItsAnswer) {
  Engine engine(checkpoint, {.threads = 2});
  const Answer first = ask(engine, prompt, true);
  std::vector<TokenId> next = prompt;
  next.insert(next.end(), first.tokens.begin(), first.tokens.end());
  const auto known = static_cast<int64_t>(next.size()) - 1;  // the answer's last token was never computed
  EXPECT_EQ(engine.save_prompt(file(), next), known);
  next.push_back(9);
  const Answer second = ask(engine, next, true);
  EXPECT_EQ(second.stats.cached_tokens, known);
  EXPECT_EQ(second, computed(next));
  Engine later(checkpoint, {.threads = 1});
  EXPECT_EQ(later.load_prompt(file()), known);
  EXPECT_EQ(ask(later, next), second);
}

TEST_P(KeptState, OnlyWhereARequestAsksForIt) {
  Engine engine(checkpoint, {.threads = 1, .kv_tokens = 4096});
  const Answer first = ask(engine, prompt), second = ask(engine, prompt);
  EXPECT_EQ(second, first);
  EXPECT_EQ(second.stats.cached_tokens, 0);
  EXPECT_EQ(engine.save_prompt(file(), prompt), 0);
  EXPECT_EQ(engine.load_prompt(file()), 0);
}

INSTANTIATE_TEST_SUITE_P(All, KeptState,
                         testing::Values("random_rwkv4", "random_rwkv5", "random_rwkv7", "random_hyena", "golden_rwkv4",
                                         "golden_rwkv7", "golden_hyena", "4v0-660K-FP32", "5v2-730K-FP32",
                                         "5v2-730K-Q5_1", "7v0-834K-FP32", "7v0-834K-Q5_1"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

class KeptStateFile : public testing::Test {
 protected:
  static std::shared_ptr<const Checkpoint> model(const TempFolder& folder, const std::string& family,
                                                 const std::function<void(TinyTensors&)>& edit = {}) {
    return Checkpoint::open(write_tiny_rwkv(folder.path(), family, edit).string());
  }
  void SetUp() override {
    Engine engine(checkpoint, {.threads = 1});
    Request request;
    request.prompt = tokens;
    request.max_tokens = 1;
    request.cache_prompt = true;
    engine.submit(std::move(request)).text();
    ASSERT_EQ(engine.save_prompt(file, std::span(tokens).first(9)), 9);
  }
  std::string refusal(const std::string& path, std::shared_ptr<const Checkpoint> of, bool exact = false) const {
    return error_of([&] { Engine(of, {.threads = 1, .exact = exact}).load_prompt(path); });
  }
  /// What loading says after a change to the file's bytes.
  std::string after(const std::function<void(std::string&)>& change) const {
    std::string bytes = read_text(file);
    change(bytes);
    const std::string changed = (folder / "changed.cache").string();
    std::ofstream(changed, std::ios::binary) << bytes;
    return refusal(changed, checkpoint);
  }

  TempFolder folder;
  const std::string file = (folder / "prompt.cache").string();
  const std::shared_ptr<const Checkpoint> checkpoint = model(folder, "rwkv5");
  const std::vector<TokenId> tokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
};

TEST_F(KeptStateFile, OfAnotherModelIsRefused) {
  TempFolder other;
  expect_contains(refusal(file, model(other, "rwkv4")), {file, "family", "found rwkv5", "expected rwkv4"});
  const auto changed = model(other, "rwkv5", [](TinyTensors& tensors) {
    const auto at = std::ranges::find(tensors.views, "blocks.0.att.key.weight", &TensorView::name);
    tensors.values[at - tensors.views.begin()][0] += 1;
  });
  expect_contains(refusal(file, changed), {file, "weights"});
  expect_contains(refusal(file, checkpoint, true), {file, "exact", "found no", "expected yes"});
  write_tiny_model(other.path(), tiny_config());
  expect_contains(refusal(file, Checkpoint::open(other.path().string())), {"family", "found rwkv5", "expected llama"});
}

TEST_F(KeptStateFile, DamagedIsRefused) {
  const size_t size = read_text(file).size();
  for (size_t kept : {size_t{0}, size_t{100}, size / 2, size - 1})
    expect_contains(after([&](std::string& bytes) { bytes.resize(kept); }), {"changed.cache"});
  expect_contains(after([](std::string& bytes) { bytes[bytes.size() - 100] ^= 1; }), {"changed.cache", "digest"});
  const auto replace = [](std::string from, std::string to) {
    return [=](std::string& bytes) { bytes.replace(bytes.find(from), from.size(), to); };
  };
  expect_contains(after(replace(R"("version":"1")", R"("version":"7")")), {"version", "found 7", "expected 1"});
  expect_contains(after(replace("\"state\"", "\"stage\"")), {"state", "no such tensor"});
}

TEST(StateCache, KeepsTheNewestAndFindsTheLongestPrefix) {
  const std::vector<TokenId> text = {1, 2, 3, 4, 5, 6};
  const std::byte state[] = {std::byte{1}, std::byte{2}};
  const auto first = [&](size_t count) { return std::span(text).first(count); };
  StateCache cache(2);
  EXPECT_EQ(cache.find_prefix(text), nullptr);
  cache.keep(first(2), std::span(state).first(1));
  cache.keep(first(4), state);
  EXPECT_EQ(cache.find_prefix(text)->tokens.size(), 4u);
  EXPECT_EQ(cache.find_prefix(first(3))->tokens.size(), 2u);
  EXPECT_EQ(cache.find_prefix(first(1)), nullptr);
  EXPECT_EQ(cache.find_prefix(std::vector<TokenId>{1, 9, 3, 4}), nullptr);
  cache.keep(first(4), std::span(state).first(1));
  EXPECT_EQ(cache.find_prefix(text)->state.size(), 1u) << "the same tokens once";
  EXPECT_NE(cache.find_prefix(first(2)), nullptr);  // used last
  cache.keep(first(5), state);
  EXPECT_EQ(cache.find_prefix(first(4))->tokens.size(), 2u) << "what was used longest ago went";
}

}  // namespace
}  // namespace orrery::text
