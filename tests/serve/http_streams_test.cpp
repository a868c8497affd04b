// A thousand streams at once on one process.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <list>
#include <nlohmann/json.hpp>

#include "tests/serve/client.h"
#include "tests/serve/http_reply.h"
#include "tests/serve/served.h"

namespace orrery::serve {
namespace {

using nlohmann::json;

constexpr int kStreams = 1000, kTokens = 30, kPrompts = 10, kLeavers = 50;

json question(int i, int tokens = kTokens) {
  return {{"prompt", "Stream " + std::to_string(i % kPrompts)},
          {"max_tokens", tokens},
          {"temperature", 0},
          {"ignore_eos", true}};
}

void ask_for_stream(Client& client, json body) {
  body["stream"] = true;
  const std::string text = body.dump();
  client.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(text.size()) +
              "\r\n\r\n" + text);
}

TEST(HttpStreams, AThousandAtOnceAreAllAnsweredOrLetGo) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 2 * kStreams + 100)
    GTEST_SKIP() << "this system lets a process open " << files.rlim_max << " files";
  ServeOptions options;
  options.models.resize(1);
  options.models[0].engine.context = 512;
  Served served(options);
  std::string right[kPrompts];
  for (int i = 0; i < kPrompts; ++i)
    right[i] =
        json::parse(ask(served.port(), "POST", "/v1/completions", question(i).dump()).body)["choices"][0]["text"];

  const int64_t before = resident_bytes();
  std::list<Client> clients;
  for (int i = 0; i < kStreams; ++i) ask_for_stream(clients.emplace_back(served.port()), question(i));
  EXPECT_TRUE(wait_until([&] { return served.metric("orrery_connections") == kStreams + 1; }));
  for (int i = 0; i < kLeavers; ++i) {  // long answers: none is done in the moment that its client stays
    Client leaver(served.port());
    ask_for_stream(leaver, question(i, 400));
  }
  int i = 0;
  for (Client& client : clients) {  // whoever comes late has let its answer lie
    const std::string bytes = client.read_until("\r\n0\r\n\r\n");
    const HttpReply reply(bytes, false);
    ASSERT_EQ(reply.state, HttpReply::State::kComplete) << i << ' ' << bytes;
    EXPECT_EQ(reply.fault(), "");
    std::string text;
    for (size_t at = 0; (at = reply.body.find("data: {", at)) != std::string::npos; at += 6) {
      const size_t end = reply.body.find("\n\n", at);
      text += json::parse(reply.body.substr(at + 6, end - at - 6))["choices"][0]["text"].get<std::string>();
    }
    EXPECT_EQ(text, right[i++ % kPrompts]);
  }
  std::printf("%.0f MB more for %d streams and their clients\n", static_cast<double>(resident_bytes() - before) / 1e6,
              kStreams);
  if (!kSanitized) {
    EXPECT_LT(resident_bytes() - before, 256 << 20);
  }
  EXPECT_TRUE(wait_until([&] { return served.running() + served.waiting() == 0; }));
  EXPECT_TRUE(wait_until([&] { return served.metric("orrery_http_responses_total{status=\"499\"}") == kLeavers; }));
  clients.clear();
  EXPECT_TRUE(wait_until([&] { return served.metric("orrery_connections") == 1; }));
}

}  // namespace
}  // namespace orrery::serve
