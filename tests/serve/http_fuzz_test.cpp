// Requests of every route, changed at random: whatever comes, the answer is proper, and the server stays as it was.
// ORRERY_FUZZ_REQUESTS says how many; without it, few enough for every day.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>

#include "tests/serve/client.h"
#include "tests/serve/http_reply.h"
#include "tests/serve/request_changes.h"
#include "tests/serve/served.h"

namespace orrery::serve {
namespace {

using nlohmann::json;

constexpr int kClients = 6;

std::string escaped(std::string_view bytes) {
  return json(std::string(bytes)).dump(-1, ' ', true, json::error_handler_t::replace);
}

/// Sends requests over one connection while the server keeps it, and judges the answers.
class FuzzClient {
 public:
  explicit FuzzClient(uint16_t port) : port_(port) {}

  /// "" where the answer is proper; `status` of it, 0 where there was none.
  std::string fault_of(const ChangedRequest& request, int& status) {
    if (!request.whole) return fault_of_anything(request, status);
    if (!client_) client_ = std::make_unique<Client>(port_);
    client_->send(request.bytes);
    std::string bytes = client_->read_until("\r\n\r\n");
    for (;;) {
      const HttpReply reply(bytes, request.head);
      status = reply.status;
      if (const std::string fault = reply.fault(); !fault.empty()) return fault + ": " + bytes.substr(0, 600);
      if (reply.state == HttpReply::State::kComplete) {
        const auto connection = reply.headers.find("connection");
        if (connection != reply.headers.end() && connection->second == "close") client_.reset();
        return reply.size == bytes.size() ? "" : "more than an answer: " + bytes.substr(reply.size);
      }
      const std::string more = client_->read_some();
      if (more.empty()) return "an answer that breaks off: " + bytes;
      bytes += more;
    }
  }

 private:
  // As many answers as there are; the last one may break off, for the client's end is that of its request.
  std::string fault_of_anything(const ChangedRequest& request, int& status) const {
    Client client(port_);
    client.send(request.bytes);
    client.end_sending();
    std::string all = client.read_all();
    while (!all.empty()) {
      const HttpReply reply(all, request.head);
      status = reply.status;
      // An answer to HEAD where the method was not hit, to another where it was.
      if (reply.state == HttpReply::State::kMalformed && request.head) return "";
      if (const std::string fault = reply.fault(); !fault.empty()) return fault + ": " + all.substr(0, 600);
      if (reply.state == HttpReply::State::kIncomplete) return "";
      all.erase(0, reply.size);
    }
    return "";
  }

  const uint16_t port_;
  std::unique_ptr<Client> client_;
};

uint32_t requests_asked_for() {
  const char* asked = std::getenv("ORRERY_FUZZ_REQUESTS");
  return asked ? static_cast<uint32_t>(std::atol(asked)) : kSanitized ? 500 : 3000;
}

/// What is allocated, in this whole process.
int64_t allocated_bytes() {
  const auto info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

class HttpFuzz : public testing::Test {
 protected:
  static ServeOptions options() {
    ServeOptions options;
    options.models.resize(1);
    options.models[0].engine.context = 1024;  // no answer goes on for long
    return options;
  }
  void run(uint32_t first, uint32_t end) {
    std::atomic<uint32_t> next{first};
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i)
      clients.emplace_back([&] {
        FuzzClient client(served_.port());
        for (uint32_t number = next++; number < end && !HasFailure(); number = next++) {
          const ChangedRequest request = changed_request(requests_, number);
          int status = 0;
          const std::string fault = client.fault_of(request, status);
          std::lock_guard lock(mutex_);
          ++statuses_[status];
          if (!fault.empty())
            ADD_FAILURE() << "request " << number << ' ' << escaped(request.bytes) << "\nhas " << fault;
        }
      });
    for (std::thread& client : clients) client.join();
  }
  std::string answer() {
    const json body = {{"prompt", "What is right"}, {"max_tokens", 12}, {"temperature", 0}, {"ignore_eos", true}};
    const Reply reply = ask(served_.port(), "POST", "/v1/completions", body.dump());
    return reply.status == 200 ? json::parse(reply.body)["choices"][0]["text"].dump() : reply.body;
  }

  const std::vector<PlainRequest> requests_ = read_requests(ORRERY_SOURCE_DIR "/tests/fixtures/serve/requests.txt");
  Served served_{options()};
  std::mutex mutex_;
  std::map<int, int> statuses_;
};

TEST_F(HttpFuzz, HasRequestsOfEveryPath) {
  const json document = json::parse(ask(served_.port(), "GET", "/openapi.json").body);
  for (const auto& [path, methods] : document["paths"].items()) {
    const std::string begin = path.substr(0, path.find('{'));
    EXPECT_TRUE(std::ranges::any_of(requests_, [&](const auto& one) { return one.target.starts_with(begin); })) << path;
  }
  for (const PlainRequest& one : requests_) {  // as they are, they are understood
    const Reply reply = ask(served_.port(), one.method, one.target, one.body);
    EXPECT_LT(reply.status, 406) << one.method << ' ' << one.target << ' ' << one.body << reply.body;
    if (one.method != "POST" || reply.status == 200 || reply.status == 201) continue;
    ADD_FAILURE() << one.target << ' ' << one.body << '\n' << reply.body;
  }
}

TEST_F(HttpFuzz, EveryAnswerIsProperAndNothingStays) {
  const uint32_t count = requests_asked_for();
  const std::string right = answer();
  run(0, count / 4);
  ASSERT_TRUE(wait_until([&] { return served_.running() + served_.waiting() == 0; }));
  const int64_t before = allocated_bytes();
  run(count / 4, count);
  ASSERT_TRUE(wait_until([&] { return served_.running() + served_.waiting() == 0; }));
  EXPECT_TRUE(wait_until([&] { return served_.metric("orrery_connections") == 1; }));
  EXPECT_EQ(answer(), right);
  std::string seen;
  for (const auto& [status, times] : statuses_) seen += std::to_string(status) + ": " + std::to_string(times) + "  ";
  std::printf("%u requests; %s(0: none); %.1f MB more are allocated\n", count, seen.c_str(),
              static_cast<double>(allocated_bytes() - before) / 1e6);
  EXPECT_GT(statuses_[200], static_cast<int>(count / 10));  // else they never come far
  if (!kSanitized) {
    EXPECT_LT(allocated_bytes() - before, 8 << 20);
  }
}

}  // namespace
}  // namespace orrery::serve
