#include "orrery/serve/http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "orrery/base/error.h"
#include "tests/serve/client.h"

namespace orrery::serve {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A server on a thread of its own that echoes, unless a test has another handler.
class Http : public testing::Test {
 protected:
  using Handler = std::function<void(const std::shared_ptr<Exchange>&)>;

  void start(Handler handler = {}, HttpOptions options = {}) {
    options.port = 0;
    if (!handler)
      handler = [](const std::shared_ptr<Exchange>& exchange) {
        const Request& request = exchange->request();
        exchange->respond({.content_type = "text/plain",
                           .body = request.method + " " + request.path + "?" + request.query + " " + request.body});
      };
    server_ = std::make_unique<HttpServer>(options, HttpHandlers{handler,
                                                                 [](int status, const std::string& message) {
                                                                   return Response{.status = status, .body = message};
                                                                 },
                                                                 [this](const Exchange& exchange) {
                                                                   ++finished_;
                                                                   if (exchange.gone()) ++left_;
                                                                 }});
    thread_ = std::thread([this] { server_->run(); });
  }
  void TearDown() override {
    if (!server_) return;
    server_->stop();
    thread_.join();
  }
  uint16_t port() const { return server_->port(); }
  static bool wait_until(const std::function<bool()>& is) {
    for (int i = 0; i < 4000 && !is(); ++i) std::this_thread::sleep_for(milliseconds(5));
    return is();
  }

  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
  std::atomic<int> finished_{0}, left_{0};
};

TEST_F(Http, AnswersOneRequestAfterTheOtherOnAConnection) {
  start();
  Client client(port());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /a%20b?x=" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_NE(client.read_until("abc").find("POST /a b?x=" + std::to_string(i) + " abc"), std::string::npos) << i;
  }
}

TEST_F(Http, AnswersRequestsThatWereSentWithoutWaiting) {
  start();
  Client client(port());
  std::string all;
  for (int i = 0; i < 20; ++i) all += "GET /" + std::to_string(i) + "! HTTP/1.1\r\nHost: h\r\n\r\n";
  client.send(all);
  for (int i = 0; i < 20; ++i)
    EXPECT_NE(client.read_until("!? ").find("GET /" + std::to_string(i) + "!? "), std::string::npos) << i;
}

TEST_F(Http, SendsPiecesAsTheyCome) {
  std::shared_ptr<Exchange> kept;
  std::atomic<bool> ready{false};
  start([&](const std::shared_ptr<Exchange>& exchange) {
    exchange->begin("text/event-stream");
    exchange->write("data: one\n\n");
    kept = exchange;
    ready = true;
  });
  Client client(port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(client.read_until("one\n\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
  ASSERT_TRUE(ready);
  EXPECT_TRUE(client.silent_for(milliseconds(50)));
  kept->post([exchange = kept] {
    exchange->write("data: two\n\n");
    exchange->end();
  });
  EXPECT_NE(client.read_until("0\r\n\r\n").find("two"), std::string::npos);
  kept.reset();
}

TEST_F(Http, SendsWithoutChunksToClientsOfHttp10) {
  start([](const std::shared_ptr<Exchange>& exchange) {
    exchange->begin("text/plain");
    exchange->write("all of it");
    exchange->end();
  });
  Client client(port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  const std::string all = client.read_all();
  EXPECT_TRUE(all.ends_with("\r\n\r\nall of it")) << all;
}

TEST_F(Http, KeepsAWaitingStreamAlive) {
  HttpOptions options;
  options.keep_alive_time = seconds(1);
  start(
      [kept = std::make_shared<std::shared_ptr<Exchange>>()](const std::shared_ptr<Exchange>& exchange) {
        exchange->begin("text/event-stream");
        exchange->set_keep_alive(": waiting\n\n");
      },
      options);
  Client client(port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.read_until(": waiting");
  EXPECT_NE(client.read_until(": waiting"), "");
}

TEST_F(Http, TellsWhenAClientGoesWhileItsAnswerIsMade) {
  std::atomic<int> told{0};
  start([&](const std::shared_ptr<Exchange>& exchange) { exchange->on_gone([&] { ++told; }); });
  {
    Client client(port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(client.silent_for(milliseconds(50)));
    EXPECT_EQ(told, 0);
  }
  EXPECT_TRUE(wait_until([&] { return finished_ == 1; }));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(left_, 1);
}

TEST_F(Http, RefusesWhatIsTooLongMalformedOrLate) {
  HttpOptions options;
  options.body_bytes = 1000;
  options.header_bytes = 2000;
  options.header_time = seconds(1);
  start({}, options);
  EXPECT_EQ(ask(port(), "POST", "/", std::string(1001, 'x')).status, 413);
  EXPECT_EQ(ask(port(), "POST", "/", std::string(1000, 'x')).status, 200);
  EXPECT_EQ(ask(port(), "GET", "/", "", "X: " + std::string(3000, 'x') + "\r\n").status, 431);
  for (const std::string nonsense : {"NONSENSE\r\n\r\n", "GET / HTTP/1.1\r\nNo colon\r\n\r\n",
                                     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"}) {
    Client client(port());
    client.send(nonsense);
    EXPECT_NE(client.read_all().find("HTTP/1.1 400"), std::string::npos) << nonsense;
  }
  Client huge(port());  // refused by its header, before the body comes
  huge.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n");
  EXPECT_NE(huge.read_all().find("HTTP/1.1 413"), std::string::npos);
  Client slow(port());
  slow.send("GET / HT");
  slow.read_all();  // ends
  EXPECT_EQ(finished_, 1);
}

TEST_F(Http, AnswersWhoeverAsksBeforeSendingABody) {
  start();
  Client client(port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_NE(client.read_until("\r\n\r\n").find("100 Continue"), std::string::npos);
  client.send("abc");
  EXPECT_NE(client.read_until("abc").find("200 OK"), std::string::npos);
}

TEST_F(Http, LimitsConnections) {
  HttpOptions options;
  options.connections = 2;
  start({}, options);
  Client one(port()), two(port());
  one.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  one.read_until("? ");
  two.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  two.read_until("? ");
  Client three(port());
  EXPECT_NE(three.read_all().find("HTTP/1.1 503"), std::string::npos);
  one.close();
  EXPECT_TRUE(wait_until([&] { return ask(port(), "GET", "/").status == 200; }));
}

TEST_F(Http, GivesUpAClientThatNeverReads) {
  HttpOptions options;
  options.write_time = seconds(1);
  std::atomic<int> told{0};
  start(
      [&](const std::shared_ptr<Exchange>& exchange) {
        exchange->begin("text/plain");
        exchange->on_gone([&] { ++told; });
        exchange->write(std::string(32 << 20, 'x'));
      },
      options);
  Client client(port());
  client.set_receive_buffer(4096);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(wait_until([&] { return finished_ == 1; }));
  EXPECT_EQ(told, 1);
}

TEST_F(Http, LetsRunningExchangesEndWhenItGoesDown) {
  std::shared_ptr<Exchange> kept;
  std::atomic<bool> ready{false};
  start([&](const std::shared_ptr<Exchange>& exchange) {
    kept = exchange;
    ready = true;
  });
  Client client(port()), idle(port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(wait_until([&] { return ready.load(); }));
  server_->drain(seconds(20));
  EXPECT_TRUE(client.silent_for(milliseconds(100)));
  kept->post([exchange = kept] { exchange->respond({.body = "done"}); });
  EXPECT_NE(client.read_all().find("done"), std::string::npos);
  thread_.join();  // run() returns
  kept.reset();
  server_.reset();
}

TEST_F(Http, SaysWhyAnAddressCannotBeHad) {
  start();
  HttpOptions taken;
  taken.port = port();
  EXPECT_THROW(HttpServer(taken, {}), Error);
  HttpOptions nonsense;
  nonsense.address = "localhost";
  EXPECT_THROW(HttpServer(nonsense, {}), Error);
}

}  // namespace
}  // namespace orrery::serve
