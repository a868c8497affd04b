// Clients of one engine on many threads; `make tsan` runs these under the thread sanitizer.
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "orrery/text/sampling/grammar.h"
#include "tests/text/engine/stories.h"

namespace orrery::text {
namespace {

using std::chrono::milliseconds;

class EngineConcurrency : public EngineTest {
 protected:
  // All that follows the event under way, up to the end.
  static StreamEvent last_event(Stream& stream) {
    StreamEvent event;
    while (stream.next(event)) {
    }
    return event;
  }
};

TEST_F(EngineConcurrency, TakesRequestsFromManyThreads) {
  Engine engine(stories(), {.threads = 2, .max_sequences = 3});
  const Answer expected = answer(engine.submit(request("Once upon a time", 12)));
  std::vector<std::thread> clients;
  std::vector<std::vector<TokenId>> results(6);
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&, i] {
      for (int round = 0; round < 3; ++round)
        results[i] = answer(engine.submit(request("Once upon a time", 12))).tokens;
    });
  }
  int scored = 0;
  engine.score(request("Lily").prompt, [&](int64_t, std::span<const float>) { ++scored; });
  for (auto& client : clients) client.join();
  for (const auto& tokens : results) EXPECT_EQ(tokens, expected.tokens);
  EXPECT_GT(scored, 0);
}

TEST_F(EngineConcurrency, AnotherThreadMayCancelWhileAnAnswerIsRead) {
  Engine engine(stories(), {.threads = 2, .max_sequences = 4});
  std::vector<std::thread> clients;
  std::atomic<int> cancelled{0};
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      Stream stream = engine.submit(request("Once upon a time", 450));
      std::thread canceller([&] {
        std::this_thread::sleep_for(milliseconds(i));
        stream.stats();
        stream.cancel();
      });
      cancelled += last_event(stream).finish == FinishReason::kCancelled;
      canceller.join();
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(cancelled, 4);
  EXPECT_EQ(answer(engine.submit(request("After", 5))).tokens.size(), 5u);
}

TEST_F(EngineConcurrency, StreamsDroppedOnTheirOwnThreadsLeaveRoomForOthers) {
  Engine engine(stories(), {.threads = 2, .max_sequences = 2});
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      for (int round = 0; round < 4; ++round) {
        Stream stream = engine.submit(request("Lily", 450));
        StreamEvent event;
        if (i % 2 == 0) stream.next(event);
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(answer(engine.submit(request("Lily", 8))).tokens.size(), 8u);
}

TEST_F(EngineConcurrency, StreamsOutliveTheirEngineAndEndCancelled) {
  for (int delay : {0, 1, 3}) {  // before, in and after the first step
    std::optional<Engine> engine(std::in_place, stories(), EngineOptions{.threads = 2, .max_sequences = 2});
    std::vector<Stream> streams;
    for (int i = 0; i < 4; ++i) streams.push_back(engine->submit(request("Once upon a time", 450)));
    std::vector<std::thread> readers;
    std::atomic<int> cancelled{0};
    for (int i = 0; i < 3; ++i)
      readers.emplace_back([&, i] { cancelled += last_event(streams[i]).finish == FinishReason::kCancelled; });
    std::this_thread::sleep_for(milliseconds(delay));
    engine.reset();
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(cancelled, 3);
    EXPECT_EQ(last_event(streams[3]).finish, FinishReason::kCancelled);
  }
}

TEST_F(EngineConcurrency, EnginesShareACheckpoint) {
  const auto tokens = [] {
    Engine engine(stories(), {.threads = 2});
    return answer(engine.submit(request("Once upon a time", 20))).tokens;
  };
  const std::vector<TokenId> expected = tokens();
  std::vector<TokenId> first, second;
  std::thread other([&] { first = tokens(); });
  second = tokens();
  other.join();
  EXPECT_EQ(first, expected);
  EXPECT_EQ(second, expected);
}

TEST_F(EngineConcurrency, AnswersShareAGrammar) {
  const auto grammar = std::make_shared<const Grammar>(
      Grammar::from_gbnf(R"(root ::= ("the " [a-z]+ " and ")+)", make_token_trie(stories()->tokenizer())));
  Engine engine(stories(), {.threads = 3, .max_sequences = 6});
  const auto with_grammar = [&] {
    Request r = request("Once upon a time", 24);
    r.grammar = grammar;
    return r;
  };
  const Answer expected = answer(engine.submit(with_grammar()));
  std::vector<Stream> streams;  // sampled side by side on the pool's threads
  for (int i = 0; i < 6; ++i) streams.push_back(engine.submit(with_grammar()));
  for (Stream& stream : streams) EXPECT_EQ(answer(std::move(stream)).tokens, expected.tokens);
  EXPECT_NE(expected.text.find("the "), std::string::npos) << expected.text;
}

TEST_F(EngineConcurrency, ThreadsShareATokenizer) {
  const Tokenizer& tokenizer = stories()->tokenizer();
  const std::string text = long_prompt(30);
  std::vector<std::vector<TokenId>> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results) threads.emplace_back([&] { result = tokenizer.encode(text); });
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) {
    EXPECT_EQ(result, results[0]);
    EXPECT_EQ(tokenizer.decode(result), text);
  }
}

}  // namespace
}  // namespace orrery::text
