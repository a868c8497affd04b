// --image of run: what the original answers about pictures, from the command line; and what is refused.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/formats/safetensors.h"
#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

const std::string kJpeg = kFixtures + "/formats/images/subsampling2.jpg";

// tests/text/scripts/make_fuyu_fixture.py: the tokens that the original model chooses after the original processor.
std::vector<int64_t> original_answer(const std::string& name) {
  const auto file = formats::SafetensorsFile::open(kFuyu + "/expected.safetensors");
  const TensorView* tensor = file.find("answer." + name + ".ids");
  std::vector<int64_t> ids(static_cast<size_t>(tensor->elements()));
  std::memcpy(ids.data(), tensor->data, static_cast<size_t>(tensor->bytes));
  return ids;
}

std::vector<int64_t> answer_about(const std::string& picture) {
  const Outcome outcome = orrery({"run", kFuyu, "--image", picture, "what is this?", "--exact", "--temperature", "0",
                                  "--max-tokens", "8", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out)["tokens"];
}

TEST(Pictures, AnswersAreTheOriginals) {
  for (const char* name : {"subsampling2.jpg", "alpha.png", "lossy.webp"})
    EXPECT_EQ(answer_about(kFixtures + "/formats/images/" + name), original_answer(name)) << name;
}

TEST(Pictures, AnswersAboutPhotosAreTheOriginals) {
  ORRERY_NEEDS(photos, shared("data/photos"), "no ../shared/data/photos");
  for (const char* name : {"chelsea.png", "truck.jpg"})
    EXPECT_EQ(answer_about(*photos + "/" + name), original_answer(name)) << name;
}

TEST(Pictures, TheQuestionMayComeThroughAPipeAndBesideDocuments) {
  const TemporaryFolder folder;
  const Words words = {"run", kFuyu, "--image", kJpeg, "--exact", "--temperature", "0", "--max-tokens", "8", "--json"};
  const Outcome piped = orrery(words, "what is this?\n");
  ASSERT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_EQ(nlohmann::json::parse(piped.out)["tokens"], original_answer("subsampling2.jpg"));
  Words beside = words;
  beside.insert(beside.end(), {"--file", folder.file("t.txt", "this is text"), "what is this?"});
  const Outcome both = orrery(beside);
  ASSERT_EQ(both.exit_code, 0) << both.err;
  EXPECT_GT(nlohmann::json::parse(both.out)["prompt_tokens"], nlohmann::json::parse(piped.out)["prompt_tokens"]);
}

TEST(Pictures, WrongOnesAreRefused) {
  const TemporaryFolder folder;
  const std::string text_model = kFixtures + "/golden/text/mistral";
  expect_refused(orrery({"run", kFuyu, "--image", folder.path("none.jpg"), "So?"}), "none.jpg");
  expect_refused(orrery({"run", kFuyu, "--image", folder.file("a.gif", "GIF89a"), "So?"}),
                 "a.gif: found a GIF picture");
  expect_refused(orrery({"run", kFuyu, "--image", folder.file("a.jpg", read_file(kJpeg).substr(0, 500)), "So?"}),
                 "a.jpg");
  expect_refused(orrery({"run", kFuyu, "--image", kJpeg, "--image", kJpeg, "So?"}), "found 2 of them, expected one");
  expect_refused(orrery({"run", text_model, "--image", kJpeg, "So?"}), "family mistral, which sees none");
  expect_refused(orrery({"run", kFuyu, "--image", kJpeg, "--system", "Be brief", "So?"}), "--system");
  expect_refused(orrery({"run", kFuyu, "--image", kJpeg, "--prompt-cache", folder.path("c"), "So?"}), "--prompt-cache");
  expect_refused(orrery({"run", kFuyu, "--file", kJpeg, "So?"}), "a JPEG picture");
}

}  // namespace
}  // namespace orrery::cli_test
