// What a server asks of the engine: events without waiting, slow readers, prompts that arrive together, an end to all.
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/text/engine/stories.h"

namespace orrery::text {
namespace {

using std::chrono::milliseconds;

class EngineServing : public EngineTest {
 protected:
  static constexpr const char* kLong =
      "Once upon a time, there was a little girl named Lily. She loved to play outside in the park with her friends. "
      "One "
      "day, she saw a big tree with a lot of red apples on it, and she wanted to eat one of them. She tried to climb "
      "the "
      "tree, but it was too high, and she could not reach the apples. Her friend Tom came to help her.";

  static bool wait_until(const std::function<bool()>& is) {
    for (int i = 0; i < 5000 && !is(); ++i) std::this_thread::sleep_for(milliseconds(2));
    return is();
  }
};

TEST_F(EngineServing, TellsOfEachEventAndGivesThemWithoutWaiting) {
  Engine engine(stories(), {.threads = 1, .max_sequences = 1});
  std::atomic<int> told{0};
  Request asked = request("Once upon a time", 10);
  asked.on_event = [&] { ++told; };
  Stream stream = engine.submit(std::move(asked));
  std::vector<TokenId> tokens;
  int events = 0;
  StreamEvent event;
  ASSERT_TRUE(wait_until([&] {
    while (stream.poll(event)) {
      ++events;
      if (event.token >= 0) tokens.push_back(event.token);
    }
    return event.finish != FinishReason::kNone;
  }));
  EXPECT_EQ(tokens, answer(engine.submit(request("Once upon a time", 10))).tokens);
  EXPECT_EQ(told, events);
  EXPECT_FALSE(stream.poll(event));
}

TEST_F(EngineServing, LetsAnAnswerRestWhoseReaderIsBehindAndGoesOnWithTheOthers) {
  Engine engine(stories(), {.threads = 2, .max_sequences = 2});
  const auto expected = answer(engine.submit(request("Once upon a time", 60))).tokens;
  Request slow = request("Once upon a time", 60);
  slow.most_unread = 5;
  Stream stream = engine.submit(std::move(slow));
  EXPECT_EQ(answer(engine.submit(request("Lily and Tom", 100))).tokens.size(), 100u);
  std::this_thread::sleep_for(milliseconds(50));
  const EngineLoad load = engine.load();
  EXPECT_EQ(load.running, 1);
  EXPECT_LE(load.completion_tokens, 60 + 100 + 6);  // of the resting one no more than it may leave unread
  EXPECT_EQ(answer(std::move(stream)).tokens, expected);
}

TEST_F(EngineServing, ComputesASharedBeginningOnceWhenPromptsArriveTogether) {
  Engine engine(stories(), {.threads = 2, .max_sequences = 8});
  const std::string shared = kLong;
  std::vector<std::vector<TokenId>> expected;
  {
    Engine alone(stories(), {.threads = 2, .max_sequences = 1});
    for (int i = 0; i < 6; ++i)
      expected.push_back(answer(alone.submit(request(shared + " Answer " + std::to_string(i), 8))).tokens);
  }
  std::vector<Stream> streams;
  int64_t prompt_tokens = 0, own = 0;
  for (int i = 0; i < 6; ++i) {
    Request one = request(shared + " Answer " + std::to_string(i), 8);
    prompt_tokens = static_cast<int64_t>(one.prompt.size());
    streams.push_back(engine.submit(std::move(one)));
  }
  for (int i = 0; i < 6; ++i) {
    const auto result = answer(std::move(streams[i]));
    EXPECT_EQ(result.tokens, expected[i]) << i;
    own += result.stats.prompt_tokens - result.stats.cached_tokens;
  }
  // One computes all of it; the others what does not fill a shared page of 64 tokens.
  EXPECT_LE(own, prompt_tokens + 5 * (64 + 16));
}

TEST_F(EngineServing, EndsEverythingWhenTold) {
  Engine engine(stories(), {.threads = 2, .max_sequences = 2});
  std::vector<Stream> streams;
  for (int i = 0; i < 5; ++i) streams.push_back(engine.submit(request("Once upon a time", 450)));
  engine.cancel_all();
  for (Stream& stream : streams) {
    StreamEvent event;
    while (stream.next(event)) {
    }
    EXPECT_EQ(event.finish, FinishReason::kCancelled);
  }
  EXPECT_EQ(engine.load().running + engine.load().waiting, 0);
  EXPECT_EQ(answer(engine.submit(request("Once upon a time", 5))).tokens.size(), 5u);
}

TEST_F(EngineServing, LetsWhoWantsItAloneHaveItThoughRequestsKeepComing) {
  Engine engine(stories(), {.threads = 2, .max_sequences = 1});
  std::atomic<bool> scored{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      for (int round = 0; round < 200 && !scored; ++round) {
        answer(engine.submit(request("Once upon a time", 20)));
        ++answered;
      }
    });
  }
  ASSERT_TRUE(wait_until([&] { return answered > 2; }));
  engine.score(request("Lily").prompt, [](int64_t, std::span<const float>) {});
  scored = true;
  for (auto& client : clients) client.join();
  EXPECT_LT(answered, 500);  // of 600: score() did not wait for all of them
}

}  // namespace
}  // namespace orrery::text
