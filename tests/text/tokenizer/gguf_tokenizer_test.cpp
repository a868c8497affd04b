#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "orrery/base/file.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/checkpoint_cache.h"
#include "orrery/text/tokenizer/pre_kinds.h"
#include "orrery/text/tokenizer/tokenizer.h"
#include "tests/text/tokenizer/support.h"

namespace orrery::text {
namespace {

using formats::GgufFile;
using formats::GgufMetadata;
using formats::GgufValue;

constexpr int64_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kByte = 6;

GgufMetadata gguf_bpe() {
  GgufMetadata metadata;
  metadata["tokenizer.ggml.model"] = GgufValue::string("gpt2");
  metadata["tokenizer.ggml.pre"] = GgufValue::string("gpt-2");
  metadata["tokenizer.ggml.tokens"] =
      GgufValue::strings({"a", "b", "Ġ", "ab", "Ġab", "<|im_end|>", "<tool>", "Ã", "©", "1", "2", "12"});
  metadata["tokenizer.ggml.token_type"] = GgufValue::i32s({kNormal, kNormal, kNormal, kNormal, kNormal, kControl,
                                                           kUserDefined, kNormal, kNormal, kNormal, kNormal, kNormal});
  metadata["tokenizer.ggml.merges"] = GgufValue::strings({"a b", "Ġ ab", "1 2"});
  metadata["tokenizer.ggml.eos_token_id"] = GgufValue::u32(5);
  metadata["tokenizer.chat_template"] = GgufValue::string("{{ messages }}");
  return metadata;
}

GgufMetadata small_llama() {
  GgufMetadata metadata;
  metadata["tokenizer.ggml.model"] = GgufValue::string("llama");
  metadata["tokenizer.ggml.tokens"] =
      GgufValue::strings({"<unk>", "<s>", "</s>", "<0x0A>", "<0xC3>", "<0xA9>", "▁", "a", "b", "ab", "▁a", "▁ab"});
  metadata["tokenizer.ggml.token_type"] = GgufValue::i32s(
      {kUnknown, kControl, kControl, kByte, kByte, kByte, kNormal, kNormal, kNormal, kNormal, kNormal, kNormal});
  metadata["tokenizer.ggml.scores"] = GgufValue::f32s({0, 0, 0, 0, 0, 0, -9, -8, -7, -1, -2, -3});
  return metadata;
}

using Ids = std::vector<TokenId>;

TEST(GgufTokenizer, ByteLevelBpe) {
  const auto tokenizer = tokenizer_of(gguf_bpe());
  EXPECT_EQ(tokenizer->encode("ab ab"), (Ids{3, 4}));
  EXPECT_EQ(tokenizer->encode("é12"), (Ids{7, 8, 11}));
  EXPECT_EQ(tokenizer->encode("a<|im_end|><tool>"), (Ids{0, 5, 6}));
  EXPECT_EQ(tokenizer->encode("a<|im_end|><tool>", {.parse_special = false}), (Ids{0, 6}))
      << "tools stay, markup is text";
  EXPECT_EQ(tokenizer->decode(Ids{3, 4, 7, 8, 5}), "ab abé");
  EXPECT_EQ(tokenizer->decode(Ids{3, 5}, /*keep_special=*/true), "ab<|im_end|>");
  EXPECT_EQ(tokenizer->end_of_generation, Ids{5});
  EXPECT_EQ(tokenizer->chat_template, "{{ messages }}");
  EXPECT_FALSE(tokenizer->bos);
}

TEST(GgufTokenizer, MergesThroughTextsThatAreNoTokens) {
  GgufMetadata metadata = gguf_bpe();
  metadata["tokenizer.ggml.tokens"] = GgufValue::strings({"a", "b", "c", "abc"});
  metadata["tokenizer.ggml.token_type"] = GgufValue::i32s({kNormal, kNormal, kNormal, kNormal});
  metadata["tokenizer.ggml.merges"] = GgufValue::strings({"a b", "ab c"});
  metadata.erase("tokenizer.ggml.eos_token_id");
  const auto tokenizer = tokenizer_of(metadata);
  EXPECT_EQ(tokenizer->encode("abc"), (Ids{3}));
  EXPECT_EQ(tokenizer->encode("abb"), (Ids{0, 1, 1})) << "\"ab\" comes out as its bytes";
}

TEST(GgufTokenizer, SentencePieceAddsBosAndFallsBackToBytes) {
  const auto tokenizer = tokenizer_of(small_llama());
  EXPECT_EQ(tokenizer->encode("ab\né"), (Ids{1, 11, 3, 4, 5}));
  EXPECT_EQ(tokenizer->encode(""), (Ids{1}));
  EXPECT_EQ(tokenizer->encode("a", {.add_special = false}), (Ids{10}));
  EXPECT_EQ(tokenizer->encode("a</s>a", {.add_special = false}), (Ids{10, 2, 10}))
      << "the space comes again behind markup";
  EXPECT_EQ(tokenizer->decode(Ids{1, 11, 3, 4, 5}), "ab\né");
  EXPECT_EQ(tokenizer->leading_space, Tokenizer::LeadingSpace::kDropOne);
}

TEST(GgufTokenizer, RwkvTakesTheLongestToken) {
  GgufMetadata metadata;
  metadata["tokenizer.ggml.model"] = GgufValue::string("rwkv");
  metadata["tokenizer.ggml.tokens"] = GgufValue::strings({"<s>", "a", "ab", "\\n", "\\xe5\\xad", "\\x97", "\\\\"});
  metadata["tokenizer.ggml.token_type"] =
      GgufValue::i32s({kControl, kNormal, kNormal, kNormal, kNormal, kNormal, kNormal});
  const auto tokenizer = tokenizer_of(metadata);
  EXPECT_EQ(tokenizer->encode("aba\n字\\"), (Ids{2, 1, 3, 4, 5, 6}));
  EXPECT_EQ(tokenizer->decode(Ids{2, 1, 3, 4, 5, 6}), "aba\n字\\");
}

TEST(GgufTokenizer, KnowsEveryPreKind) {
  // ggml-org/llama.cpp, src/llama-vocab.cpp of July 2026.
  for (const char* name : {"default",
                           "llama3",
                           "llama-v3",
                           "llama-bpe",
                           "falcon3",
                           "falcon-h1",
                           "pixtral",
                           "midm-2.0",
                           "lfm2",
                           "jina-v5-nano",
                           "deepseek-llm",
                           "deepseek-coder",
                           "deepseek-v3",
                           "spark2_5",
                           "youtu",
                           "falcon",
                           "mpt",
                           "starcoder",
                           "gpt-2",
                           "phi-2",
                           "jina-es",
                           "jina-de",
                           "gigachat",
                           "jina-v2-es",
                           "jina-v2-de",
                           "a.x-4.0",
                           "mellum",
                           "modern-bert",
                           "jais-2",
                           "gemma4",
                           "granite-embed-multi-311m",
                           "sarvam-moe",
                           "jina-v1-en",
                           "jina-v2-code",
                           "roberta-bpe",
                           "refact",
                           "command-r",
                           "qwen2",
                           "deepseek-r1-qwen",
                           "kormo",
                           "f2llmv2",
                           "qwen35",
                           "stablelm2",
                           "olmo",
                           "dbrx",
                           "smaug-bpe",
                           "poro-chat",
                           "chatglm-bpe",
                           "glm4",
                           "glm5",
                           "viking",
                           "jais",
                           "tekken",
                           "smollm",
                           "codeshell",
                           "bloom",
                           "gpt3-finnish",
                           "exaone",
                           "exaone4",
                           "exaone-moe",
                           "chameleon",
                           "minerva-7b",
                           "megrez",
                           "gpt-4o",
                           "llama4",
                           "kanana2",
                           "talkie",
                           "granite-embed-multi-97m",
                           "tiny_aya",
                           "cohere2moe",
                           "superbpe",
                           "trillion",
                           "granite-docling",
                           "bailingmoe",
                           "bailingmoe2",
                           "llada-moe",
                           "seed-coder",
                           "hunyuan",
                           "hunyuan-dense",
                           "hy_v4",
                           "joyai-llm",
                           "kimi-k2",
                           "ufakzeka",
                           "grok-2",
                           "afmoe",
                           "laguna",
                           "minimax-m2",
                           "solar-open",
                           "mellum2",
                           "minicpm5"}) {
    SCOPED_TRACE(name);
    ASSERT_NE(find_pre_kind(name), nullptr);
    GgufMetadata metadata = gguf_bpe();
    metadata["tokenizer.ggml.pre"] = GgufValue::string(name);
    const auto tokenizer = tokenizer_of(metadata);
    EXPECT_EQ(tokenizer->decode(tokenizer->encode("abab")), "abab");
    std::mt19937 random(7);
    for (int i = 0; i < 20; ++i) tokenizer->encode(random_text(random));
  }
}

TEST(GgufTokenizer, RefusesMetadataThatLies) {
  const auto refuses = [](GgufMetadata metadata, const std::string& key, std::optional<GgufValue> value) {
    metadata.erase("tokenizer.ggml." + key);
    if (value) metadata["tokenizer.ggml." + key] = *value;
    const std::string message = message_of([&] { tokenizer_of(metadata)->encode("ab 12"); });
    EXPECT_NE(message.find("tokenizer.ggml." + key), std::string::npos) << message;
  };
  refuses(gguf_bpe(), "model", std::nullopt);
  refuses(gguf_bpe(), "model", GgufValue::string("magic"));
  refuses(gguf_bpe(), "model", GgufValue::u32(7));
  refuses(gguf_bpe(), "pre", GgufValue::string("magic"));
  refuses(gguf_bpe(), "tokens", std::nullopt);
  refuses(gguf_bpe(), "tokens", GgufValue::strings({}));
  refuses(gguf_bpe(), "tokens", GgufValue::i32s({1, 2}));
  refuses(gguf_bpe(), "merges", std::nullopt);
  refuses(gguf_bpe(), "merges", GgufValue::strings({"ab"}));
  refuses(gguf_bpe(), "merges", GgufValue::strings({"a "}));
  refuses(gguf_bpe(), "token_type", GgufValue::i32s({1}));
  refuses(gguf_bpe(), "eos_token_id", GgufValue::u32(12));
  refuses(small_llama(), "scores", std::nullopt);
  refuses(small_llama(), "scores", GgufValue::f32s({1, 2}));
  refuses(small_llama(), "scores", GgufValue::string("x"));
  refuses(small_llama(), "bos_token_id", GgufValue::i32(-7));
  GgufMetadata nan = small_llama();
  nan["tokenizer.ggml.scores"] = GgufValue::f32s(std::vector<double>(12, std::nan("")));
  EXPECT_NE(message_of([&] { tokenizer_of(nan); }).find("score"), std::string::npos);
  GgufMetadata map = small_llama();
  map["tokenizer.ggml.precompiled_charsmap"] = GgufValue::i32s({9, 0, 0, 0, 1});
  EXPECT_NE(message_of([&] { tokenizer_of(map); }).find("character map"), std::string::npos);
}

TEST(GgufTokenizer, RealModelGivesTheOriginalsIds) {
  const auto cases = std::filesystem::path(ORRERY_SOURCE_DIR) / "../shared/golden/text/tokenizer-smollm2/cases.json";
  if (!std::filesystem::exists(cases)) GTEST_SKIP() << "no ../shared";
  const auto path = model_cache() / "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "SmolLM2 is not in the cache; `make run` fetches it";
  const auto tokenizer = Tokenizer::from_gguf(GgufFile::open(path));
  for (const auto& example : nlohmann::json::parse(std::ifstream(cases))) {
    const std::string text = example["text"];
    ASSERT_EQ(tokenizer->encode(text), example["ids"].get<Ids>()) << testing::PrintToString(text);
    EXPECT_EQ(tokenizer->decode(example["ids"].get<Ids>(), true), example.value("decoded", text));
  }
}

TEST(GgufTokenizer, Stories260k) {
  const auto folder = std::filesystem::path(ORRERY_SOURCE_DIR) / "../shared/data/weights/stories260K";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared";
  const auto golden = nlohmann::json::parse(std::ifstream(folder / "golden.json"));
  const auto tokenizer = Tokenizer::from_gguf(GgufFile::open(folder / "stories260K.gguf"));
  EXPECT_EQ(tokenizer->encode(golden["prompt"].get<std::string>()), golden["prompt_ids"].get<Ids>());
  const std::string story = tokenizer->decode(golden["greedy_ids"].get<Ids>());
  EXPECT_EQ(story.substr(0, 51), "Once upon a time, there was a little girl named Lil");
}

}  // namespace
}  // namespace orrery::text
