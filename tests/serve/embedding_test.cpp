// What /v1/embeddings takes, and how vectors are written.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "orrery/serve/api/base64.h"
#include "orrery/serve/api/embedding.h"
#include "orrery/serve/api/embedding_request.h"
#include "tests/serve/refusal_of.h"

namespace orrery::serve {
namespace {

using nlohmann::ordered_json;

std::string refused_embedding(const char* body) {
  return refused_field([&] { EmbeddingRequest(ordered_json::parse(body)); });
}

TEST(EmbeddingFields, NameWhatIsWrong) {
  EXPECT_EQ(refused_embedding(R"({"input": "a"})"), "none");
  EXPECT_EQ(refused_embedding(R"({})"), "input");
  EXPECT_EQ(refused_embedding(R"({"input": []})"), "input");
  EXPECT_EQ(refused_embedding(R"({"input": [[]]})"), "input");
  EXPECT_EQ(refused_embedding(R"({"input": [1, "a"]})"), "input");
  EXPECT_EQ(refused_embedding(R"({"input": {"text": "a"}})"), "input");
  EXPECT_EQ(refused_embedding(R"({"input": "a", "encoding_format": "hex"})"), "encoding_format");
  EXPECT_EQ(refused_embedding(R"({"input": "a", "dimensions": 0})"), "dimensions");
  EXPECT_EQ(refused_embedding(R"({"input": "a", "pooling": "cls"})"), "pooling");
}

TEST(EmbeddingFields, InputsAreTextsOrTokens) {
  const auto count = [](const char* input) {
    return EmbeddingRequest(ordered_json{{"input", ordered_json::parse(input)}}).inputs.size();
  };
  EXPECT_EQ(count(R"("a")"), 1u);
  EXPECT_EQ(count(R"(["a", "b"])"), 2u);
  EXPECT_EQ(count("[1, 2, 3]"), 1u);
  EXPECT_EQ(count("[[1, 2], [3]]"), 2u);
}

TEST(EmbeddingValues, AreWrittenExactly) {
  const std::vector<float> values = {1.0f, -0.1f, 0.0f, std::numeric_limits<float>::min(), 1.0f / 3};
  const auto read = ordered_json::parse(float_list(values)).get<std::vector<float>>();
  EXPECT_EQ(read, values);
  EXPECT_EQ(float_list({}), "[]");
  // 0x3f800000, the bytes 00 00 80 3f; then 0xbdcccccd.
  EXPECT_EQ(base64(std::as_bytes(std::span(values).first(1))), "AACAPw==");
  EXPECT_EQ(base64(std::as_bytes(std::span(values).first(2))), "AACAP83MzL0=");
  EXPECT_EQ(base64(std::as_bytes(std::span(values).first(3))), "AACAP83MzL0AAAAA");
  EXPECT_EQ(base64({}), "");
}

}  // namespace
}  // namespace orrery::serve
