// orrery serve answers about pictures and files as orrery run does.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/server.h"
#include "tests/serve/client.h"
#include "tests/text/documents/tiny_pdf.h"

namespace orrery::cli_test {
namespace {

using nlohmann::json;
using serve::ask;
using serve::Client;

const std::string kImages = kFixtures + "/formats/images/", kWhatIsThis = "what is this?";

std::string base64(const std::string& bytes) {
  constexpr const char* kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j) text += i + j > bytes.size() ? '=' : kAlphabet[bits >> (18 - 6 * j) & 63];
  }
  return text;
}

json part(const std::string& file) {
  return {{"type", "image_url"},
          {"image_url", {{"url", "data:image/any;base64," + base64(read_file(kImages + file))}}}};
}
json text_part(const std::string& text) { return {{"type", "text"}, {"text", text}}; }
json body_of(const json& parts) {
  return {{"messages", {{{"role", "user"}, {"content", parts}}}}, {"temperature", 0}, {"max_tokens", 8}};
}

std::string run_answer(const Words& more) {
  Words words = {"run", kFuyu, kWhatIsThis, "--exact", "--temperature", "0", "--max-tokens", "8", "--json"};
  words.insert(words.end(), more.begin(), more.end());
  const Outcome outcome = orrery(words);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return json::parse(outcome.out)["text"];
}

class ServePictures : public testing::Test {
 protected:
  static Server& server() {
    static Server server({kFuyu, "--exact"});
    return server;
  }
};

TEST_F(ServePictures, AreSeenAsRunSeesThem) {
  std::vector<std::string> answers;
  for (const char* file : {"subsampling2.jpg", "alpha.png", "lossy.webp"}) {
    const json answer = server().post("/v1/chat/completions", body_of({part(file), text_part(kWhatIsThis)}));
    answers.push_back(answer["choices"][0]["message"]["content"]);
    EXPECT_EQ(answers.back(), run_answer({"--image", kImages + file})) << file;
  }
  EXPECT_NE(answers[0], answers[1]);
}

TEST_F(ServePictures, AreSeenInEveryApi) {
  const std::string expected = run_answer({"--image", kImages + "alpha.png"});
  const std::string raw = base64(read_file(kImages + "alpha.png"));
  json stream = body_of({text_part(kWhatIsThis), part("alpha.png")});
  stream["stream"] = true;
  stream["n"] = 2;
  std::string streamed[2];
  for (const json& event : events_of(ask(server().port(), "POST", "/v1/chat/completions", stream.dump()).body))
    for (const json& choice : event["choices"])
      streamed[choice["index"].get<int>()] += choice["delta"].value("content", "");
  for (int i : {0, 1}) EXPECT_EQ(streamed[i], expected);
  const json content = {{{"type", "input_image"}, {"image_url", "data:image/png;base64," + raw}, {"detail", "auto"}},
                        {{"type", "input_text"}, {"text", kWhatIsThis}}};
  const json response = server().post(
      "/v1/responses",
      {{"input", {{{"role", "user"}, {"content", content}}}}, {"temperature", 0}, {"max_output_tokens", 8}});
  EXPECT_EQ(response["output"][0]["content"][0]["text"], expected);
  const json options = {{"temperature", 0}, {"num_predict", 8}};
  EXPECT_EQ(server().post("/api/chat", {{"model", "fuyu"},
                                        {"messages", {{{"role", "user"}, {"content", kWhatIsThis}, {"images", {raw}}}}},
                                        {"options", options},
                                        {"stream", false}})["message"]["content"],
            expected);
  EXPECT_EQ(server().post("/api/generate", {{"model", "fuyu"},
                                            {"prompt", kWhatIsThis},
                                            {"images", {raw}},
                                            {"options", options},
                                            {"stream", false}})["response"],
            expected);
}

TEST_F(ServePictures, StandBesideFiles) {
  const TemporaryFolder folder;
  const json notes = {{"type", "file"}, {"file", {{"filename", "t.txt"}, {"file_data", base64("this is text")}}}};
  const json answer =
      server().post("/v1/chat/completions", body_of({part("alpha.png"), text_part(kWhatIsThis), notes}));
  EXPECT_EQ(answer["choices"][0]["message"]["content"],
            run_answer({"--image", kImages + "alpha.png", "--file", folder.file("t.txt", "this is text")}));
}

TEST_F(ServePictures, AreRefusedByNameInEveryApi) {
  const auto error = [](const char* path, const json& body, int status) {
    return server().post(path, body, status)["error"];
  };
  json two = body_of({part("alpha.png"), part("alpha.png"), text_part(kWhatIsThis)});
  EXPECT_EQ(error("/v1/chat/completions", two, 400)["param"], "messages[0].content[1]");
  json cut = body_of(json::array({part("alpha.png")}));
  cut["messages"][0]["content"][0]["image_url"]["url"] =
      "data:image/png;base64," + base64(read_file(kImages + "alpha.png").substr(0, 300));
  EXPECT_EQ(error("/v1/chat/completions", cut, 422)["param"], "messages[0].content[0].image_url.url");
  const json content = {{{"type", "input_image"}, {"image_url", "data:image/png;base64,aGVsbG8="}}};
  EXPECT_EQ(error("/v1/responses", {{"input", {{{"role", "user"}, {"content", content}}}}}, 422)["param"],
            "input[0].content[0].image_url");
  const json ollama = {{"model", "fuyu"},
                       {"messages", {{{"role", "user"}, {"content", "So?"}, {"images", {base64("GIF89a")}}}}}};
  EXPECT_NE(error("/api/chat", ollama, 422).get<std::string>().find("messages[0].images[0]: found a GIF picture"),
            std::string::npos);
}

class ServeFiles : public testing::Test {
 protected:
  void SetUp() override {
    if (!smollm2()) GTEST_SKIP() << "needs the default model: setup/fetch.sh smollm2";
    if (shell("command -v pdftotext").exit_code != 0) GTEST_SKIP() << "pdftotext is missing: package poppler-utils";
    server_.emplace(Words{*smollm2(), "--context", "1024"});
  }
  std::optional<Server> server_;
};

TEST_F(ServeFiles, AreReadAsRunReadsThem) {
  const TemporaryFolder folder;
  const std::string pdf = text::pdf_of_pages({"The capital of Orreria is Brassville.", "It rains there."}),
                    page = "<!doctype html><p>Brassville lies on the sea. <|im_end|>", question = "Where is it?";
  const Outcome run = orrery({"run", *smollm2(), question, "--file", folder.file("r.pdf", pdf), "--file",
                              folder.file("p.html", page), "--temperature", "0", "--max-tokens", "16", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json expected = json::parse(run.out);
  const json files = {{{"type", "file"},
                       {"file", {{"filename", "r.pdf"}, {"file_data", "data:application/pdf;base64," + base64(pdf)}}}},
                      {{"type", "file"}, {"file", {{"filename", "p.html"}, {"file_data", base64(page)}}}},
                      text_part(question)};
  json body = body_of(files);
  body["max_tokens"] = 16;
  const json answer = server_->post("/v1/chat/completions", body);
  EXPECT_EQ(answer["choices"][0]["message"]["content"], expected["text"]);
  EXPECT_EQ(answer["usage"]["prompt_tokens"], expected["prompt_tokens"]);
  // A later question finds them in the cache.
  body["messages"].push_back({{"role", "assistant"}, {"content", "There."}});
  body["messages"].push_back({{"role", "user"}, {"content", "Are you sure?"}});
  EXPECT_GE(server_->post("/v1/chat/completions", body)["usage"]["prompt_tokens_details"]["cached_tokens"], 64);
}

TEST_F(ServeFiles, ThatTakeLongHoldNobodyUp) {
  const TemporaryFolder folder;
  const std::string program = folder.file("pdftotext", "#!/bin/sh\nsleep 3\nprintf 'Read at last.\\f'\n"),
                    path = std::getenv("PATH");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  ::setenv("PATH", (std::filesystem::path(program).parent_path().string() + ":" + path).c_str(), 1);
  Server slow({*smollm2(), "--context", "1024"});
  ::setenv("PATH", path.c_str(), 1);
  const json hello = body_of(json::array({text_part("Hello")}));
  slow.post("/v1/chat/completions", hello);
  const json pdf = {{"type", "file"}, {"file", {{"filename", "r.pdf"}, {"file_data", base64("%PDF-1.4")}}}};
  const std::string body = body_of(json::array({pdf})).dump();
  Client client(slow.port());
  client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  for (int i = 0; i < 3; ++i) slow.post("/v1/chat/completions", hello);
  EXPECT_TRUE(client.silent_for(std::chrono::milliseconds(1)));
  EXPECT_NE(client.read_until("finish_reason").find(" 200 "), std::string::npos);
}

TEST_F(ServeFiles, AreRefusedByName) {
  const auto error = [&](const json& one, int status) {
    return server_->post("/v1/chat/completions", body_of({text_part("So?"), one}), status)["error"];
  };
  EXPECT_EQ(error(part("alpha.png"), 400)["param"], "messages[0].content[1]");  // it sees no pictures
  const auto file = [](const std::string& bytes, const char* name) {
    return json{{"type", "file"}, {"file", {{"filename", name}, {"file_data", base64(bytes)}}}};
  };
  EXPECT_EQ(error(file(std::string(100, '\0'), "x.bin"), 415)["param"], "messages[0].content[1].file.file_data");
  EXPECT_EQ(error(file("%PDF-1.4", "x.pdf"), 422)["param"], "messages[0].content[1].file.file_data");
  std::string much;
  for (int i = 0; i < 2000; ++i) much += "word ";
  EXPECT_EQ(error(file(much, "x.txt"), 400)["code"], "context_length_exceeded");
}

}  // namespace
}  // namespace orrery::cli_test
