// Pictures and files in messages: what is taken, by which name the rest is refused, and the prompts that they become.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/base/file.h"
#include "orrery/serve/api/chat_request.h"
#include "orrery/serve/api/responses_request.h"
#include "orrery/text/pictures/picture_prompt.h"
#include "tests/serve/refusal_of.h"

namespace orrery::serve {
namespace {

using nlohmann::ordered_json;

const std::string kFixtures = std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures",
                  kJpeg = kFixtures + "/formats/images/subsampling2.jpg";

ordered_json message_of(const ordered_json& part, const char* role = "user") {
  return {{"role", role}, {"content", {{{"type", "text"}, {"text", "So?"}}, part}}};
}

ordered_json picture(const std::string& url) { return {{"type", "image_url"}, {"image_url", {{"url", url}}}}; }
ordered_json file(const std::string& data, const std::string& name = "a.txt") {
  return {{"type", "file"}, {"file", {{"filename", name}, {"file_data", data}}}};
}

ordered_json body_of(const ordered_json& messages) { return {{"messages", messages}}; }
std::string refused_part(const ordered_json& part) {
  return refusal_of([&] { ChatRequest request(body_of(ordered_json::array({message_of(part)}))); });
}
std::string refused_part(const char* part) { return refused_part(ordered_json::parse(part)); }

TEST(Attachments, AreRefusedByName) {
  const std::string part = "messages[0].content[1]", url = "400 " + part + ".image_url.url",
                    data = "400 " + part + ".file.file_data";
  EXPECT_EQ(refused_part(picture("data:image/png;base64,aGk=")), "none");
  EXPECT_EQ(refused_part(picture("data:;base64,aGk")), "none");
  for (const char* wrong : {"https://example.org/a.png", "http://127.0.0.1/a", "file:///etc/passwd", "aGk=", "",
                            "data:image/png,hi", "data:image/png;base64", "data:image/png;base64,a-b_",
                            "data:image/png;base64,aGk=aGk=", "data:image/png;base64,aGkaa"})
    EXPECT_EQ(refused_part(picture(wrong)), url) << wrong;
  EXPECT_EQ(refused_part(file("aGk=")), "none");
  EXPECT_EQ(refused_part(file("data:text/plain;base64,aGk=")), "none");
  EXPECT_EQ(refused_part(file("https://example.org/a.pdf")), data);
  EXPECT_EQ(refused_part(file("h i")), data);
  EXPECT_EQ(refused_part(R"({"type": "image_url"})"), "400 " + part + ".image_url");
  EXPECT_EQ(refused_part(R"({"type": "image_url", "image_url": {}})"), url);
  EXPECT_EQ(refused_part(R"({"type": "image_url", "image_url": "data:;base64,aGk="})"), "400 " + part + ".image_url");
  EXPECT_EQ(refused_part(R"({"type": "image_url", "image_url": {"url": "data:;base64,aGk=", "detail": "low"}})"),
            "400 " + part + ".image_url.detail");
  EXPECT_EQ(refused_part(R"({"type": "image_url", "image_url": {"url": "data:;base64,aGk=", "detail": "high"}})"),
            "none");
  EXPECT_EQ(refused_part(R"({"type": "image_url", "image_url": {"url": "data:;base64,aGk=", "x": 1}})"),
            "400 " + part + ".image_url.x");
  EXPECT_EQ(refused_part(R"({"type": "file", "file": {"file_id": "file-1"}})"), "400 " + part + ".file.file_id");
  EXPECT_EQ(refused_part(R"({"type": "file", "file": {"filename": "a.pdf"}})"), data);
  EXPECT_EQ(refused_part(R"({"type": "input_file", "file_url": "https://example.org/a.pdf"})"),
            "400 " + part + ".file_url");
  EXPECT_EQ(refused_part(R"({"type": "input_image", "file_id": "file-1"})"), "400 " + part + ".file_id");
  EXPECT_EQ(refused_part(R"({"type": "input_audio", "input_audio": {}})"), "400 " + part + ".type");
}

TEST(Attachments, AreTheUsersAndNotTooMany) {
  const auto of = [](const ordered_json& messages) {
    return refusal_of([&] { ChatRequest request(body_of(messages)); });
  };
  EXPECT_EQ(of(ordered_json::array({message_of(file("aGk="), "system")})), "400 messages[0].content[1]");
  EXPECT_EQ(of({message_of(file("aGk=")), message_of(file("aGk="), "assistant")}), "400 messages[1].content[1]");
  ordered_json many = message_of(file("aGk="));
  for (int i = 0; i < 31; ++i) many["content"].push_back(file("aGk="));
  EXPECT_EQ(of(ordered_json::array({many})), "none");
  many["content"].push_back(file("aGk="));
  EXPECT_EQ(of(ordered_json::array({many})), "400 messages");
  EXPECT_EQ(refusal_of([&] { read_messages(ordered_json::array({message_of(file("aGk="))}), "messages", nullptr); }),
            "400 messages[0].content[1].type");
}

TEST(Attachments, OfResponsesHaveTheirNames) {
  const auto request = [](const ordered_json& part) {
    const ordered_json body = {{"instructions", "be kind"}, {"input", {message_of(part)}}};
    return ResponsesRequest(body);
  };
  const auto taken = request({{"type", "input_image"}, {"image_url", "data:image/png;base64,aGk="}, {"detail", "auto"}})
                         .chat->attachments;
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].bytes, "hi");
  EXPECT_EQ(taken[0].message, 1u);
  EXPECT_EQ(taken[0].field, "messages[1].content[1].image_url");
  const auto files = request({{"type", "input_file"}, {"file_data", "data:text/plain;base64,aGk="}}).chat->attachments;
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].name, "file");
  EXPECT_EQ(refusal_of([&] {
              request({{"type", "input_image"}, {"image_url", "https://example.org/a.png"}});
            }),
            "400 input[0].content[1].image_url");
  EXPECT_EQ(refusal_of([&] {
              request({{"type", "input_file"}, {"file_data", "?"}});
            }),
            "400 input[0].content[1].file_data");
}

Attachment picture_of(std::string bytes) {
  return {.kind = Attachment::Kind::kPicture, .part = "p", .field = "p.url", .bytes = std::move(bytes)};
}

TEST(Attachments, ThatCannotBeReadSayWhy) {
  const auto seen = [](const std::string& bytes) { return refusal_of([&] { decode_picture(picture_of(bytes)); }); };
  const std::string jpeg = read_text(kJpeg);
  EXPECT_EQ(seen(jpeg), "none");
  EXPECT_EQ(seen(""), "422 p.url");
  EXPECT_EQ(seen("hello"), "422 p.url");
  EXPECT_EQ(seen("%PDF-1.4"), "422 p.url");
  EXPECT_EQ(seen(jpeg.substr(0, 500)), "422 p.url");
  std::string huge = jpeg;
  const size_t frame = huge.find("\xFF\xC0");  // marker, length, bits, height, width
  ASSERT_NE(frame, std::string::npos);
  huge.replace(frame + 5, 4, "\x27\x10\x27\x10");  // 10,000 × 10,000
  EXPECT_EQ(seen(huge), "413 p.url");
  const auto read = [](const std::string& bytes, const std::string& name) {
    return refusal_of(
        [&] { read_file({.kind = Attachment::Kind::kFile, .field = "p.file_data", .bytes = bytes, .name = name}); });
  };
  EXPECT_EQ(read("a text", "a.txt"), "none");
  EXPECT_EQ(read(std::string(100, '\0'), "a.bin"), "415 p.file_data");
  EXPECT_EQ(read("%PDF-1.4 and nothing more", "a.pdf"), "422 p.file_data");
  EXPECT_EQ(read("<!doctype html><p>", "a.html"), "415 p.file_data");
}

class PicturePrompts : public testing::Test {
 protected:
  inline static bool gone = false;
  static ChatPrompt prompt_of(const ordered_json& body, std::vector<Attachment> attachments = {}) {
    static const Model model("fuyu", text::Checkpoint::open(kFixtures + "/fuyu"), {.threads = 1});
    return chat_prompt(model, ChatRequest(body, std::move(attachments)), [] { return gone; });
  }
  // The picture as Ollama's routes hand it over: no base64 has to be made for it.
  static std::vector<Attachment> jpeg(size_t message = 0) {
    Attachment attachment = picture_of(read_text(kJpeg));
    attachment.message = message;
    return {attachment};
  }
};

TEST_F(PicturePrompts, AreTheModelsOwn) {
  const auto checkpoint = text::Checkpoint::open(kFixtures + "/fuyu");
  std::vector<formats::Image> pictures;
  pictures.push_back(formats::read_image(kJpeg));
  const auto expected = text::picture_prompt(*checkpoint, pictures, "what is this?");
  const ordered_json body = {{"messages", {{{"role", "user"}, {"content", "what is this?"}}}}};
  const ChatPrompt prompt = prompt_of(body, jpeg());
  EXPECT_EQ(prompt.tokens, expected.prompt);
  ASSERT_NE(prompt.patches, nullptr);
  EXPECT_EQ(prompt.patches->positions, expected.patches->positions);
  EXPECT_EQ(prompt.patches->values, expected.patches->values);
}

TEST_F(PicturePrompts, ReadNoFilesForNobody) {
  const ordered_json body = body_of(ordered_json::array({message_of(file(""))}));  // an empty file: an error, if read
  EXPECT_EQ(refusal_of([&] { prompt_of(body); }), "415 messages[0].content[1].file.file_data");
  gone = true;
  EXPECT_EQ(refusal_of([&] { prompt_of(body); }), "499 messages[0].content[1]");
  gone = false;
}

TEST_F(PicturePrompts, AreRefusedByName) {
  const ordered_json user = {{"role", "user"}, {"content", "So?"}}, system = {{"role", "system"}, {"content", "Hm."}};
  const auto refused = [&](const ordered_json& body, std::vector<Attachment> attachments) {
    return refusal_of([&] { prompt_of(body, std::move(attachments)); });
  };
  EXPECT_EQ(refused({{"messages", {user}}}, jpeg()), "none");
  EXPECT_EQ(refused({{"messages", {system, user}}}, jpeg(1)), "400 messages");
  std::vector<Attachment> two = {jpeg()[0], jpeg()[0]};
  two[1].part = "second";
  EXPECT_EQ(refused({{"messages", {user}}}, two), "400 second");
  EXPECT_EQ(refused({{"messages", {user}}}, {picture_of("GIF89a")}), "422 p.url");
  const ordered_json place = {{"role", "user"}, {"content", "<point>1, 2, 3</point>"}};
  EXPECT_EQ(refused({{"messages", {place}}}, jpeg()), "400 messages[0].content");
  ordered_json tools = ordered_json::parse(R"([{"type": "function", "function": {"name": "f"}}])");
  EXPECT_EQ(refused({{"messages", {user}}, {"tools", tools}}, jpeg()), "400 tools");
}

}  // namespace
}  // namespace orrery::serve
