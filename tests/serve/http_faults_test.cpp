// Clients that misbehave, in each phase of a request: they cost little, and whoever behaves gets the right answer.
#include <gtest/gtest.h>

#include <functional>
#include <list>
#include <nlohmann/json.hpp>

#include "tests/serve/client.h"
#include "tests/serve/http_reply.h"
#include "tests/serve/served.h"

namespace orrery::serve {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int64_t kContext = 1 << 17;

std::string message(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string completion(const json& more) {
  json body = {{"prompt", "Once upon a time"}, {"temperature", 0}, {"ignore_eos", true}};
  body.update(more);
  return message("/v1/completions", body.dump());
}

// An answer of so many bytes that no buffer of the system holds it.
std::string long_stream(int tokens = 7000) {
  return completion({{"max_tokens", tokens}, {"stream", true}, {"logprobs", 20}});
}

std::string text_of_stream(const std::string& chunks) {
  std::string text;
  for (size_t at = 0; (at = chunks.find("data: {", at)) != std::string::npos;) {
    const size_t end = chunks.find("\n\n", at);
    const json event = json::parse(chunks.substr(at + 6, end - at - 6));
    for (const json& choice : event["choices"]) text += choice["text"].get<std::string>();
    at = end;
  }
  return text;
}

std::string read_stream(Client& client) {
  const std::string all = client.read_until("\r\n0\r\n\r\n");
  EXPECT_NE(all.find("[DONE]"), std::string::npos) << all.substr(0, 300);
  return text_of_stream(joined_chunks(all.substr(all.find("\r\n\r\n") + 4)));
}

class HttpFaults : public testing::Test {
 protected:
  void start(HttpOptions http = {}, int sequences = 16) {
    ServeOptions options;
    options.http = http;
    options.models.resize(1);
    options.models[0].engine.context = kContext;
    options.models[0].engine.kv_tokens = 2 * kContext;
    options.models[0].engine.max_sequences = sequences;
    served_.emplace(std::move(options));
    right_ = answer();
    ASSERT_FALSE(right_.empty());
  }
  uint16_t port() const { return served_->port(); }
  std::string answer() const {
    const Reply reply =
        ask(port(), "POST", "/v1/completions",
            json{{"prompt", "What is right"}, {"max_tokens", 12}, {"temperature", 0}, {"ignore_eos", true}}.dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.status == 200 ? json::parse(reply.body)["choices"][0]["text"].dump() : "";
  }
  void expect_unharmed() const { EXPECT_EQ(answer(), right_); }
  int left() const {
    return std::max(0, static_cast<int>(served_->metric("orrery_http_responses_total{status=\"499\"}")));
  }
  int64_t tokens() const { return static_cast<int64_t>(served_->metric("llamacpp:tokens_predicted_total")); }
  void expect_nobody() const {
    EXPECT_TRUE(wait_until([&] { return served_->running() + served_->waiting() == 0; }));
    EXPECT_TRUE(wait_until([&] { return served_->metric("orrery_connections") == 1; }));
    expect_unharmed();
  }

  std::optional<Served> served_;
  std::string right_;
};

TEST_F(HttpFaults, SlowSendersAreCutOffAndHinderNobody) {
  HttpOptions http;
  http.header_time = http.body_time = seconds(1);
  start(http);
  const std::string header = "GET / HTTP/1.1\r\nX: " + std::string(5000, 'x');
  const std::string body = message("/v1/completions", std::string(5000, ' '));
  std::list<Client> clients;
  std::vector<const std::string*> sent;
  for (int i = 0; i < 40; ++i) {
    clients.emplace_back(port());
    sent.push_back(i % 2 ? &header : &body);
    clients.back().send(sent.back()->substr(0, body.find("\r\n\r\n") + 4));
  }
  size_t open = clients.size();
  for (size_t at = 100; at < 1100 && open > 0; ++at) {  // a byte each, every 10 ms: the time is that of the whole
    open = 0;
    size_t i = 0;
    for (Client& client : clients) {
      if (client.silent_for(milliseconds(0)) && client.send(sent[i]->substr(at, 1))) ++open;
      ++i;
    }
    if (at % 25 == 0) expect_unharmed();
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(open, 0u);
  expect_nobody();
}

TEST_F(HttpFaults, WhoNeverReadsIsGivenUp) {
  HttpOptions http;
  http.write_time = seconds(1);
  start(http);
  const int64_t before = resident_bytes();
  std::list<Client> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(port()).set_receive_buffer(4096);
    clients.back().send(long_stream(16000));
  }
  expect_unharmed();
  EXPECT_TRUE(wait_until([&] { return left() == 4; }));
  if (!kSanitized) EXPECT_LT(resident_bytes() - before, 128 << 20);
  clients.clear();
  expect_nobody();
}

TEST_F(HttpFaults, WhoReadsSlowlyGetsAllOfIt) {
  start();
  Client fast(port());
  fast.send(long_stream());
  const std::string all = read_stream(fast);
  fast.close();
  std::list<Client> clients;
  for (int i = 0; i < 2; ++i) clients.emplace_back(port()).send(long_stream());
  for (int i = 0; i < 20; ++i) expect_unharmed();
  EXPECT_TRUE(wait_until([&] { return served_->running() == 2; }));  // they rest
  for (Client& client : clients) EXPECT_TRUE(read_stream(client) == all);
  clients.clear();
  expect_nobody();
}

TEST_F(HttpFaults, WhoVanishesBeforeTheRequestIsThereLeavesNothing) {
  start();
  for (const std::string& part : {std::string("POST /v1/compl"), completion({{"n", 2}}).substr(0, 90)})
    for (int i = 0; i < 20; ++i) {
      Client client(port());
      client.send(part);
      if (i % 2) client.reset();
    }
  expect_nobody();
}

TEST_F(HttpFaults, WhoVanishesIsTakenOutOfTheQueue) {
  start({}, 1);
  Client alone(port());
  alone.send(long_stream());
  const std::string all = read_stream(alone);
  alone.close();
  Client inside(port());  // it rests, as it does not read, and holds the only place
  inside.send(long_stream());
  ASSERT_TRUE(wait_until([&] { return served_->running() == 1; }));
  std::list<Client> clients;
  for (int i = 0; i < 12; ++i)
    clients.emplace_back(port()).send(completion({{"max_tokens", 1000}, {"stream", i % 2 == 0}, {"n", 1 + i % 3}}));
  ASSERT_TRUE(wait_until([&] { return served_->waiting() == 24; }));
  const int64_t before = tokens();
  int i = 0;
  for (Client& client : clients)
    if (++i % 2) client.reset();
  clients.clear();
  EXPECT_TRUE(wait_until([&] { return served_->waiting() == 0; }));
  EXPECT_TRUE(wait_until([&] { return left() == 12; }));
  EXPECT_EQ(served_->running(), 1);
  EXPECT_TRUE(read_stream(inside) == all);
  EXPECT_EQ(tokens() - before, 7000);
  inside.close();
  expect_nobody();
}

TEST_F(HttpFaults, WhoVanishesInThePromptIsNotAnswered) {
  start();
  const int64_t before = tokens();
  const std::string prompt(kContext - 1000, 'a');
  for (bool stream : {false, true})
    for (bool reset : {false, true}) {
      Client client(port());
      client.send(completion({{"prompt", prompt + (stream ? "b" : "c")}, {"max_tokens", 900}, {"stream", stream}}));
      EXPECT_TRUE(wait_until([&] { return served_->running() == 1; }));
      reset ? client.reset() : client.close();
      EXPECT_TRUE(wait_until([&] { return served_->running() == 0; }));
    }
  EXPECT_EQ(tokens(), before);
  EXPECT_TRUE(wait_until([&] { return left() == 4; }));
  expect_nobody();
}

TEST_F(HttpFaults, WhoVanishesInTheAnswerIsNotAnsweredFurther) {
  start();
  const auto ended = [&](const std::string& request, const std::string& sign) {
    const int64_t before = tokens();
    Client client(port());
    client.send(request);
    EXPECT_TRUE(sign.empty() ? wait_until([&] { return served_->running() == 1; }) : !client.read_until(sign).empty());
    client.close();
    EXPECT_TRUE(wait_until([&] { return served_->running() == 0; }));
    return tokens() - before;
  };
  EXPECT_LT(ended(completion({{"max_tokens", 100000}}), ""), 100000);
  EXPECT_LT(ended(completion({{"max_tokens", 100000}, {"stream", true}}), "data: "), 100000);
  // What was sent beforehand, the next request or the half of one, hides nobody's leave.
  EXPECT_LT(ended(completion({{"max_tokens", 100000}}) + completion({{"max_tokens", 100000}}), ""), 100000);
  EXPECT_LT(ended(completion({{"max_tokens", 100000}, {"stream", true}}) + "GET / HT", "data: "), 100000);
  EXPECT_TRUE(wait_until([&] { return left() == 4; }));
  expect_nobody();
}

TEST_F(HttpFaults, HugeBodiesAreRefusedBeforeTheyAreRead) {
  start();
  const int64_t before = resident_bytes();
  Client announced(port());
  announced.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n");
  EXPECT_NE(announced.read_until("}}").find("HTTP/1.1 413"), std::string::npos);
  const std::string piece = "100000\r\n" + std::string(1 << 20, ' ') + "\r\n";
  Client chunked(port());
  chunked.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 100 && chunked.send(piece); ++i)
    if (i % 20 == 0) expect_unharmed();
  EXPECT_NE(chunked.read_until("}}").find("HTTP/1.1 413"), std::string::npos);
  chunked.close();
  announced.close();
  if (!kSanitized) EXPECT_LT(resident_bytes() - before, 256 << 20);
  expect_nobody();
}

TEST_F(HttpFaults, ABodyOfHundredMegabytesIsReadWhereItMayBe) {
  HttpOptions http;
  http.body_bytes = 128 << 20;
  start(http);
  const auto status = [&](const std::string& body) { return ask(port(), "POST", "/v1/completions", body).status; };
  EXPECT_EQ(status("{\"prompt\":\"" + std::string(100 << 20, 'a') + "\"}"), 400);  // it does not fit
  expect_nobody();
}

TEST_F(HttpFaults, ManyValuesAreRefusedInTimeAndMemory) {
  start();
  const int64_t before = resident_bytes();
  for (const std::string& value : {"0,", "[],", "{},"}) {
    std::string body = "{\"prompt\":[";
    while (body.size() < 60 << 20) body += value;
    EXPECT_EQ(ask(port(), "POST", "/v1/completions", body + "0]}").status, 400) << value;
  }
  std::string body = "{\"prompt\":[";  // as many as may be: a list is not searched at the end of each object
  for (int i = 0; i < 1 << 20; ++i) body += "{},";
  EXPECT_EQ(ask(port(), "POST", "/v1/completions", body + "0]}").status, 400);
  if (!kSanitized) EXPECT_LT(resident_bytes() - before, 512 << 20);
  expect_nobody();
}

TEST_F(HttpFaults, NonsenseIsRefused) {
  HttpOptions http;
  http.header_time = http.body_time = seconds(1);
  start(http);
  const auto post = [](const std::string& body) { return message("/v1/chat/completions", body); };
  const auto get = [](const std::string& target, const std::string& fields = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
  };
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  const auto nested = [](const std::string& open, size_t times) {
    std::string text;
    for (size_t i = 0; i < times; ++i) text += open;
    return text;
  };
  const std::string user = R"({"messages":[{"role":"user","content":")";
  const std::pair<std::string, int> kNonsense[] = {
      {post(user + "\xff\xfe\"}]}"), 400},
      {post(user + "\xed\xa0\x80\"}]}"), 400},  // a surrogate
      {post(user + "\xc0\xaf\"}]}"), 400},      // an overlong form
      {post(user + "\\ud800\"}]}"), 400},
      {post(user + std::string(1, '\0') + "\"}]}"), 400},
      {post(nested("[", 10 << 20)), 400},
      {post(nested("{\"a\":", 1 << 20)), 400},
      {post(R"({"tools":)" + nested("[{\"a\":", 1000)), 400},
      {post(user + R"(a"}],"response_format":{"type":"json_schema","json_schema":{"schema":)" +
            nested(R"({"items":)", 80) + "{}" + nested("}", 80) + "}}}"),
       400},
      {get("/\xff\xfe"), 404},
      {get("/%ff%00"), 404},
      {get("/%zz"), 404},
      {get("/v1/models?\xff=\xff"), 200},
      {get("/v1/models", "X: \xff\xfe\r\n"), 200},
      {get("http://localhost/v1/models"), 404},
      {get("*"), 404},
      {get("/" + std::string(100000, 'a')), 431},
      {get("/", many), 431},
      {get("/", "X: " + std::string(1 << 20, 'x') + "\r\n"), 431},
      {get("/", std::string(1000, 'x') + "\r\n"), 400},
      {"GET / HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n folded\r\n\r\n", 200},
      {"GET /\r\n\r\n", 400},
      {"GET / HTTP/9.9\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x01\x01\xfc\x03\x03 a TLS client's greeting\r\n\r\n", 400},
      {std::string(1 << 16, '\0'), 400},
      {"POST /tokenize HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400},
      {"POST /tokenize HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /tokenize HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST /tokenize HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
      {"POST /tokenize HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"POST /tokenize HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}junk", 400},
  };
  for (const auto& [bytes, status] : kNonsense) {
    Client client(port());
    client.send(bytes);
    const std::string said = client.read_until("\r\n\r\n");
    EXPECT_EQ(said.substr(0, 12), "HTTP/1.1 " + std::to_string(status))
        << json(bytes.substr(0, 200)).dump(-1, ' ', true, json::error_handler_t::replace);
  }
  expect_nobody();
}

TEST_F(HttpFaults, ManyRequestsAtOnceAreAnsweredInTheirOrder) {
  start();
  std::string all;
  constexpr int kRequests = 300;
  for (int i = 0; i < kRequests; ++i)
    all += i % 3 == 0   ? "GET /v1/models/none-" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
           : i % 3 == 1 ? message("/tokenize", json{{"content", "number " + std::to_string(i)}}.dump())
                        : completion({{"max_tokens", 3}, {"stream", i % 2 == 0}, {"n", 2}});
  Client client(port());
  client.send(all + "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  std::string answers = client.read_all();
  for (int i = 0; i < kRequests; ++i) {
    const HttpReply reply(answers, false);
    ASSERT_EQ(reply.state, HttpReply::State::kComplete) << i << ' ' << answers.substr(0, 300);
    EXPECT_EQ(reply.status, i % 3 == 0 ? 404 : 200) << i;
    if (i % 3 == 0) EXPECT_NE(reply.body.find("none-" + std::to_string(i)), std::string::npos) << reply.body;
    answers.erase(0, reply.size);
  }
  EXPECT_NE(answers.find("\"ok\""), std::string::npos);
  expect_nobody();
}

TEST_F(HttpFaults, ManyConnectionsThatSayNothingHinderNobody) {
  HttpOptions http;
  http.connections = 300;
  http.header_time = seconds(1);
  start(http);
  std::list<Client> clients;
  for (int i = 0; i < 250; ++i) clients.emplace_back(port());
  expect_unharmed();
  for (int i = 0; i < 100; ++i) clients.emplace_back(port());
  EXPECT_EQ(ask(port(), "GET", "/health").status, 503);  // beyond the limit; and told so
  EXPECT_TRUE(wait_until([&] { return ask(port(), "GET", "/health").status == 200; }));
  clients.clear();
  expect_nobody();
}

}  // namespace
}  // namespace orrery::serve
