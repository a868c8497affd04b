// orrery serve reads its settings again on SIGHUP.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/cli/server.h"
#include "tests/serve/client.h"

namespace orrery::cli_test {
namespace {

using nlohmann::json;
using serve::ask;
using serve::Client;

class ServeReload : public testing::Test {
 protected:
  void SetUp() override {
    if (!smollm2()) GTEST_SKIP() << "needs the default model: setup/fetch.sh smollm2";
  }
  std::string model(const std::string& name, const std::string& path) const {
    return "[[model]]\nname = \"" + name + "\"\npath = \"" + path + "\"\n";
  }
  std::string settings(const std::string& text) { return folder_.file("orrery.toml", text); }
  // SIGHUP, and what the server says of it.
  bool says(Server& server, const std::string& what) {
    const size_t before = server.log().size();
    server.tell(SIGHUP);
    return wait_until([&] { return server.log().find(what, before) != std::string::npos; });
  }
  static json ids(Server& server) {
    json ids = json::array();
    const json models = server.get("/v1/models");
    for (const json& one : models["data"]) ids.push_back(one["id"]);
    return ids;
  }
  TemporaryFolder folder_;
};

const json kHello = {{{"role", "user"}, {"content", "Hello"}}};

TEST_F(ServeReload, AnswersThatRunKeepTheirModel) {
  Server server({"--config", settings(model("chat", *smollm2()))});
  const std::string body =
      json{{"messages", kHello}, {"ignore_eos", true}, {"max_tokens", 900}, {"stream", true}}.dump();
  Client client(server.port());
  client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  client.read_until("content");
  settings(model("fuyu", kFuyu));
  ASSERT_TRUE(says(server, "were read again"));
  EXPECT_EQ(ids(server), json({"fuyu"}));
  server.post("/v1/chat/completions", {{"model", "chat"}, {"messages", kHello}}, 404);
  EXPECT_EQ(server.log().find("model chat is closed"), std::string::npos);
  const json answer = server.post("/v1/chat/completions", {{"messages", kHello}, {"max_tokens", 4}});
  EXPECT_EQ(answer["model"], "fuyu");
  EXPECT_NE(client.read_until("[DONE]").find("\"length\""), std::string::npos);
  EXPECT_TRUE(wait_until([&] { return server.log().find("model chat is closed") != std::string::npos; }));
}

TEST_F(ServeReload, LimitsOriginsAndKeysAreNewToo) {
  Server server({"--config", settings(model("chat", kFuyu))});
  const auto status = [&](const std::string& body, const std::string& header) {
    return ask(server.port(), "POST", "/tokenize", body, header).status;
  };
  const std::string text = json{{"content", std::string(2000, 'a')}}.dump(), page = "Origin: https://a.example\r\n";
  EXPECT_EQ(status(text, ""), 200);
  EXPECT_EQ(status(text, page), 403);
  settings("cors = [\"https://a.example\"]\nhosts = [\"b.example\"]\nbody = 1000\n" + model("chat", kFuyu));
  ASSERT_TRUE(says(server, "were read again"));
  EXPECT_EQ(status(text, ""), 413);
  EXPECT_EQ(status("{\"content\": \"a\"}", page), 200);
  const Outcome made = orrery({"serve", "--make-key", "ann"});
  folder_.file("keys", made.out.substr(made.out.find("line: ") + 6));
  settings("api_keys = \"keys\"\nstudio = false\n" + model("chat", kFuyu));
  ASSERT_TRUE(says(server, "were read again"));
  EXPECT_EQ(status("{\"content\": \"a\"}", ""), 401);
  EXPECT_NE(server.log().find("only a restart changes studio"), std::string::npos);
}

TEST_F(ServeReload, WhatIsWrongChangesNothing) {
  Server server({"--config", settings(model("chat", kFuyu))});
  for (const std::string& wrong :
       {std::string("port = \"x\"\n"), std::string("no TOML"), std::string("api_keys = \"none\"\n") + model("a", kFuyu),
        model("a", kFuyu) + model("b", "/none"), model("a", kFuyu) + "adapters = { x = \"none\" }\n",
        model("a", kFuyu) + "context = 1000000\n"}) {
    settings("cors = [\"*\"]\n" + wrong);
    EXPECT_TRUE(says(server, "settings stay as they were: ")) << wrong;
    EXPECT_EQ(ids(server), json({"chat"})) << wrong;
    EXPECT_EQ(ask(server.port(), "POST", "/tokenize", "{\"content\": \"a\"}", "Origin: https://a.example\r\n").status,
              403);
  }
  server.post("/v1/chat/completions", {{"messages", kHello}, {"max_tokens", 2}});
}

}  // namespace
}  // namespace orrery::cli_test
