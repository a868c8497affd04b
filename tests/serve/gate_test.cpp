#include "orrery/serve/security/gate.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "orrery/serve/refusal.h"

namespace orrery::serve {
namespace {

class KeysFile {
 public:
  explicit KeysFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() / ("orrery-keys-" + std::to_string(getpid()))) {
    write(text);
  }
  ~KeysFile() { std::filesystem::remove(path_); }
  void write(const std::string& text) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), 0600);
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

Request request(const std::string& method, const std::string& path, Headers headers = {}) {
  headers.emplace_back("host", "localhost:8080");
  return {.method = method, .path = path, .headers = std::move(headers)};
}

int status_of(Gate& gate, const Request& request) {
  try {
    gate.admit(request);
    return 200;
  } catch (const Refusal& refusal) {
    return refusal.status;
  }
}

TEST(Gate, LetsKnownKeysInAndNamesThem) {
  const NewKey ann = make_key("ann"), bob = make_key("bob");
  KeysFile file("# who\n" + ann.line + "\n\n" + bob.line + " - - # both free\n");
  Gate gate({.keys_file = file.path()}, true);
  EXPECT_EQ(gate.admit(request("GET", "/v1/models", {{"authorization", "Bearer " + ann.key}})), "ann");
  EXPECT_EQ(gate.admit(request("GET", "/v1/models", {{"x-api-key", bob.key}})), "bob");
  EXPECT_EQ(status_of(gate, request("GET", "/v1/models")), 401);
  EXPECT_EQ(status_of(gate, request("GET", "/v1/models", {{"authorization", "Bearer " + ann.key + "x"}})), 401);
  EXPECT_EQ(status_of(gate, request("GET", "/v1/models", {{"authorization", "Basic " + ann.key}})), 401);
  for (const char* open : {"/", "/health", "/ready", "/studio/app.js"})
    EXPECT_EQ(status_of(gate, request("GET", open)), 200) << open;
  for (const char* closed : {"/metrics", "/api/studio/info", "/studio"})
    EXPECT_EQ(status_of(gate, request("GET", closed)), 401) << closed;
  EXPECT_EQ(status_of(gate, request("POST", "/studio/app.js")), 401);
}

TEST(Gate, TakesOtherKeysAndOptions) {
  const NewKey ann = make_key("ann"), bob = make_key("bob");
  KeysFile file(ann.line);
  const GateOptions options{.keys_file = file.path()};
  Gate gate(options, true);
  const Request asks = request("GET", "/metrics", {{"authorization", "Bearer " + bob.key}});
  EXPECT_EQ(status_of(gate, asks), 401);
  file.write(bob.line);
  gate.replace({.keys_file = file.path(), .hosts = {"chat.example"}}, read_keys(options));
  EXPECT_EQ(status_of(gate, asks), 200);
  Request named = asks;
  named.headers[1].second = "chat.example";
  EXPECT_EQ(status_of(gate, named), 200);
  file.write("bob 123");
  EXPECT_THROW(read_keys(options), Error);
  gate.replace({}, {});
  EXPECT_EQ(status_of(gate, request("GET", "/metrics")), 200);
}

TEST(Gate, LimitsRequestsAndTokensPerMinute) {
  ApiKey key{.name = "ann", .requests_per_minute = 2, .tokens_per_minute = 100};
  KeyRing ring({key});
  const auto now = KeyRing::Clock::now();
  EXPECT_FALSE(ring.take_request(0, now));
  EXPECT_FALSE(ring.take_request(0, now));
  EXPECT_EQ(ring.take_request(0, now), 30);  // a request every half minute
  EXPECT_FALSE(ring.take_request(0, now + std::chrono::seconds(30)));
  ring.take_tokens("ann", 200, now + std::chrono::seconds(30));
  EXPECT_EQ(ring.take_request(0, now + std::chrono::seconds(60)), 30);  // 150 of 100 are used
  EXPECT_FALSE(ring.take_request(0, now + std::chrono::seconds(91)));
}

TEST(Gate, NamesTheLineOfAKeysFileThatIsWrong) {
  const std::string hash(64, 'a');
  for (const auto& [text, part] :
       std::vector<std::pair<std::string, std::string>>{{"ann 12", "line 1"},
                                                        {"\nann " + hash + "\nann " + hash, "line 3"},
                                                        {"a/b " + hash, "a/b"},
                                                        {"ann " + hash + " many", "REQUESTS"},
                                                        {"ann " + hash + " 1 2 3", "REQUESTS"},
                                                        {"# nobody", "no key"}}) {
    KeysFile file(text);
    try {
      read_keys(file.path());
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
  KeysFile open("ann " + hash);
  chmod(open.path().c_str(), 0666);
  EXPECT_THROW(read_keys(open.path()), Error);
}

TEST(Gate, RefusesForeignPagesAndHosts) {
  Gate gate({.cors_origins = {"https://friend.example"}, .hosts = {"chat.example"}}, true);
  EXPECT_EQ(status_of(gate, request("POST", "/v1/chat/completions")), 200);  // no browser
  EXPECT_EQ(status_of(gate, request("POST", "/x", {{"origin", "http://localhost:8080"}})), 200);
  EXPECT_EQ(status_of(gate, request("POST", "/x", {{"origin", "https://friend.example"}})), 200);
  EXPECT_EQ(status_of(gate, request("POST", "/x", {{"origin", "http://evil.example"}})), 403);
  EXPECT_EQ(status_of(gate, request("POST", "/x", {{"origin", "http://localhost:8081"}})), 403);
  EXPECT_EQ(status_of(gate, request("DELETE", "/x", {{"origin", "null"}})), 403);
  EXPECT_EQ(status_of(gate, request("POST", "/x", {{"sec-fetch-site", "cross-site"}})), 403);
  const auto named = [](const std::string& host) {
    return Request{.method = "GET", .path = "/", .headers = {{"host", host}}};
  };
  for (const char* own : {"localhost", "127.0.0.1:80", "[::1]:8080", "chat.example", "a.localhost:1"})
    EXPECT_EQ(status_of(gate, named(own)), 200) << own;
  for (const char* other : {"evil.example", "127.0.0.1.evil.example:80", "10.0.0.1"})
    EXPECT_EQ(status_of(gate, named(other)), 403) << other;
}

TEST(Gate, LetsListedOriginsReadAnswers) {
  Gate gate({.cors_origins = {"https://friend.example"}}, true);
  const Headers asks = {{"origin", "https://friend.example"}, {"access-control-request-method", "POST"}};
  ASSERT_TRUE(gate.preflight(request("OPTIONS", "/v1/models", asks)));
  EXPECT_FALSE(gate.preflight(request("OPTIONS", "/v1/models",
                                      {{"origin", "http://evil.example"}, {"access-control-request-method", "POST"}})));
  EXPECT_FALSE(gate.cors_headers(request("GET", "/", asks)).empty());
  EXPECT_TRUE(gate.cors_headers(request("GET", "/")).empty());
}

TEST(Gate, KnowsLoopbackAddresses) {
  for (const char* loopback : {"127.0.0.1", "127.9.9.9", "::1"}) EXPECT_TRUE(is_loopback(loopback)) << loopback;
  for (const char* other : {"0.0.0.0", "10.0.0.1", "::", "localhost", ""}) EXPECT_FALSE(is_loopback(other)) << other;
}

}  // namespace
}  // namespace orrery::serve
