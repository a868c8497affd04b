#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "orrery/text/tokenizer/loaders.h"
#include "tests/text/tokenizer/support.h"

namespace orrery::text {
namespace {

using nlohmann::json;

json fixture_json(const std::string& name) { return json::parse(std::ifstream(fixture(name))); }

std::unique_ptr<Tokenizer> load(const json& document) {
  return load_tokenizer_json(document.dump(), "tokenizer.json", {});
}

json with_change(json document, const json& change) {
  for (const char* key : {"pre_tokenizer", "normalizer"}) {
    if (change.contains(key)) document[key] = change[key];
  }
  document["model"]["ignore_merges"] = change.value("ignore_merges", false);
  for (const json& added : change.value("added", json::array())) document["added_tokens"].push_back(added);
  return document;
}

std::string stream(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  StreamDecoder decoder(tokenizer, /*keep_special=*/true);
  std::string text;
  for (TokenId id : ids) {
    const std::string part = decoder.push(id);
    EXPECT_TRUE(is_utf8(part)) << "half a character";
    text += part;
  }
  return text + decoder.finish();
}

TEST(JsonTokenizer, GivesTheOriginalsIdsUnderEveryPreTokenizerAndNormalizer) {
  const json fixtures = fixture_json("byte_bpe.json");
  for (const json& variant : fixtures["variants"]) {
    SCOPED_TRACE(variant["name"].get<std::string>());
    const auto tokenizer = load(with_change(fixtures["base"], variant["change"]));
    for (const json& example : variant["cases"]) {
      const std::string text = example["text"];
      const bool special = example["special"];
      const auto ids = tokenizer->encode(text, {.add_special = special, .parse_special = special});
      ASSERT_EQ(ids, example["ids"].get<std::vector<TokenId>>()) << testing::PrintToString(text);
      EXPECT_EQ(tokenizer->decode(ids, /*keep_special=*/true), example["decoded"].get<std::string>());
      EXPECT_EQ(stream(*tokenizer, ids), example["decoded"].get<std::string>());
    }
  }
}

TEST(JsonTokenizer, MergesMayBeStringsOrPairs) {
  json document = fixture_json("byte_bpe.json")["base"];
  const auto pairs = load(document);
  for (json& merge : document["model"]["merges"])
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  EXPECT_EQ(load(document)->encode("The way they would make it"), pairs->encode("The way they would make it"));
}

TEST(JsonTokenizer, FindsPiecesAndBytes) {
  const auto tokenizer = load(fixture_json("byte_bpe.json")["base"]);
  const TokenId the = tokenizer->find("Ġthe").value();
  EXPECT_EQ(tokenizer->bytes(the), " the");
  EXPECT_EQ(tokenizer->piece(the), "Ġthe");
  const TokenId end = tokenizer->find("<|im_end|>").value();
  EXPECT_TRUE(tokenizer->is_special(end) && !tokenizer->is_special(the));
  EXPECT_EQ(tokenizer->bytes(end), "");
  EXPECT_EQ(tokenizer->bytes(end, true), "<|im_end|>");
  EXPECT_TRUE(tokenizer->is_end_of_generation(end) && !tokenizer->is_end_of_generation(the));
  EXPECT_FALSE(tokenizer->find("no such piece"));
  EXPECT_EQ(tokenizer->piece(-1), "");
  EXPECT_EQ(tokenizer->piece(static_cast<TokenId>(tokenizer->size())), "");
  EXPECT_EQ(tokenizer->decode(std::vector<TokenId>{-5, the, 1 << 30}), " the");
}

TEST(JsonTokenizer, SpecialTextIsPlainUnlessAskedFor) {
  const auto tokenizer = load(fixture_json("byte_bpe.json")["base"]);
  const TokenId end = tokenizer->find("<|im_end|>").value();
  const auto has_end = [&](bool parse) {
    const auto ids = tokenizer->encode("a<|im_end|>b", {.add_special = false, .parse_special = parse});
    return std::count(ids.begin(), ids.end(), end) == 1;
  };
  EXPECT_TRUE(has_end(true));
  EXPECT_FALSE(has_end(false));
}

TEST(JsonTokenizer, ReadsIllFormedTextAsReplacementCharacters) {
  const auto tokenizer = load(fixture_json("byte_bpe.json")["base"]);
  EXPECT_EQ(tokenizer->encode("a\xff"
                              "b\xe5\xad"),
            tokenizer->encode("a\uFFFD"
                              "b\uFFFD"));
}

TEST(JsonTokenizer, LongRunsAreOneWord) {
  const auto tokenizer = load(fixture_json("byte_bpe.json")["base"]);
  for (const char* unit : {"a", " ", "\n", "é", "字", "😀", "the", "'"}) {
    std::string text;
    while (text.size() < 200000) text += unit;
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text) << unit;
  }
}

TEST(JsonTokenizer, ThreadsShareOne) {
  const json base = fixture_json("byte_bpe.json")["base"];
  const auto tokenizer = load(base);
  std::mt19937 random(5);
  std::vector<std::string> texts;
  for (int i = 0; i < 100; ++i) texts.push_back(random_text(random));
  std::vector<std::vector<TokenId>> expected;
  for (const std::string& text : texts) expected.push_back(load(base)->encode(text));  // whose cache is empty
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(tokenizer->encode(texts[i]), expected[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

json json_bpe() {
  return json::parse(
      R"({"added_tokens": [{"id": 3, "content": "<s>", "special": true}], "normalizer": null, "pre_tokenizer": null,
    "post_processor": null, "decoder": null,
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<s>": 3}, "merges": ["a b"]}})");
}

TEST(JsonTokenizer, PostProcessorSurroundsTheText) {
  json document = json_bpe();
  document["post_processor"] = json::parse(R"({"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "E", "type_id": 0}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [3]}, "E": {"id": "E", "ids": [1, 0]}}})");
  EXPECT_EQ(load(document)->encode("ab"), (std::vector<TokenId>{3, 2, 1, 0}));
  EXPECT_EQ(load(document)->encode("ab", {.add_special = false}), (std::vector<TokenId>{2}));
  document["post_processor"] = json::parse(R"({"type": "RobertaProcessing", "cls": ["a", 0], "sep": ["b", 1]})");
  EXPECT_EQ(load(document)->encode("ab"), (std::vector<TokenId>{0, 2, 1}));
}

TEST(JsonTokenizer, HubConfigNamesTokens) {
  HubConfig config;
  config.bos = "<s>";
  config.chat_template = "{{ x }}";
  config.eos_ids = {1};
  const auto tokenizer = load_tokenizer_json(json_bpe().dump(), "tokenizer.json", config);
  EXPECT_EQ(tokenizer->bos, std::optional<TokenId>(3));
  EXPECT_FALSE(tokenizer->eos);
  EXPECT_EQ(tokenizer->chat_template, "{{ x }}");
  EXPECT_EQ(tokenizer->end_of_generation, (std::vector<TokenId>{1}));
  EXPECT_FALSE(tokenizer->add_bos);
}

TEST(JsonTokenizer, RefusesDocumentsThatLie) {
  const auto refuses = [](const char* pointer, const json& value, const std::string& part) {
    json document = json_bpe();
    document[json::json_pointer(pointer)] = value;
    const std::string message = message_of([&] { load(document); });
    EXPECT_NE(message.find(part), std::string::npos) << pointer << ": " << message;
  };
  refuses("/model", nullptr, "model");
  refuses("/model/type", "Magic", "Magic");
  refuses("/model/vocab", 7, "model.vocab");
  refuses("/model/vocab/a", -1, "the id -1 of a");
  refuses("/model/vocab/a", 1u << 30, "the id 1073741824 of a");
  refuses("/model/vocab/a", 18446744073709551615u, "vocab.a");
  refuses("/model/vocab/a", 1, "of both");
  refuses("/model/merges", json::array({"a c"}), "merges[0]");
  refuses("/model/merges", json::array({"a b c"}), "merges[0]");
  refuses("/model/merges", json::array({7}), "merges[0]");
  refuses("/model/merges", "a b", "merges");
  refuses("/normalizer", {{"type", "Magic"}}, "Magic");
  refuses("/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA"}}, "precompiled_charsmap");
  refuses("/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "\x01"}}, "precompiled_charsmap");
  refuses("/pre_tokenizer", {{"type", "Magic"}}, "Magic");
  refuses("/pre_tokenizer", {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}}, "(a");
  refuses("/pre_tokenizer", {{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Magic"}}, "Magic");
  refuses("/pre_tokenizer", {{"type", "Metaspace"}, {"replacement", ""}}, "replacement");
  refuses("/pre_tokenizer", {{"type", "FixedLength"}, {"length", 0}}, "length");
  refuses("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", std::vector<json>(20, {{"type", "ByteLevel"}})}},
          "at most 4");
  refuses("/decoder", {{"type", "Magic"}}, "Magic");
  refuses("/post_processor", {{"type", "Magic"}}, "Magic");
  refuses("/post_processor", {{"type", "BertProcessing"}, {"cls", {"x", 99}}, {"sep", {"y", 0}}}, "cls");
  refuses("/added_tokens", {{{"id", 0}}}, "content");
  json nested = {{"type", "NFC"}};
  for (int i = 0; i < 1000; ++i) nested = {{"type", "Sequence"}, {"normalizers", {nested}}};
  refuses("/normalizer", nested, "nested too deeply");
  EXPECT_NE(message_of([] { load_tokenizer_json("{\"model\": ", "x.json", {}); }).find("x.json"), std::string::npos);
  EXPECT_NE(message_of([] { load_tokenizer_json(std::string(100000, '['), "x.json", {}); }).find("x.json"),
            std::string::npos);
}

TEST(JsonTokenizer, ANormalizerThatDoublesATextAgainAndAgainIsAnError) {
  json document = json_bpe();
  const json doubling = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", std::vector<json>(60, doubling)}};
  const auto tokenizer = load(document);
  EXPECT_NE(message_of([&] { tokenizer->encode("a"); }).find("64 times"), std::string::npos);
}

TEST(JsonTokenizer, ADecoderThatDoublesATextAgainAndAgainIsAnError) {
  json document = json_bpe();
  const json doubling = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
  document["decoder"] = {{"type", "Sequence"}, {"decoders", std::vector<json>(60, doubling)}};
  EXPECT_NE(message_of([&] { load(document)->decode(load(json_bpe())->encode("a")); }).find("64 times"),
            std::string::npos);
}

}  // namespace
}  // namespace orrery::text
