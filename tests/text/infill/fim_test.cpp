#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/infill/fim_prompt.h"
#include "tests/text/sampling/toy_tokenizer.h"

namespace orrery::text {
namespace {

using formats::GgufMetadata;
using formats::GgufValue;
using Ids = std::vector<TokenId>;
using Order = FimTokens::Order;

// The prompt with its special tokens as text.
std::string text_of(const Tokenizer& tokenizer, const FimRequest& request, const FimLimits& limits = {}) {
  return tokenizer.decode(fim_prompt(tokenizer, find_fim_tokens(tokenizer), request, limits).tokens, true);
}

const FimRequest kGap = {.prefix = "int a", .suffix = "}", .middle = " ="};
const FimRequest kRepo = {.prefix = "p", .suffix = "s", .extra = {{"a.h", "A"}, {"b.h", "B"}}};

ToyTokenizer qwen() {
  return ToyTokenizer({}, {"<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
                           "<|repo_name|>", "<|file_sep|>", "<|im_end|>"});
}

TEST(Fim, EveryFamilyHasItsTokensAndItsOrder) {
  const auto prompt = [](const std::vector<std::string>& specials) {
    return text_of(ToyTokenizer({}, specials), {.prefix = "a", .suffix = "b"});
  };
  EXPECT_EQ(text_of(qwen(), {.prefix = "a", .suffix = "b"}), "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>");
  EXPECT_EQ(prompt({"<end>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>"}),
            "<fim_prefix>a<fim_suffix>b<fim_middle>");
  EXPECT_EQ(prompt({"<end>", "<fim-prefix>", "<fim-middle>", "<fim-suffix>"}),
            "<fim-prefix>a<fim-suffix>b<fim-middle>");
  EXPECT_EQ(prompt({"</s>", "▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>"}), "▁<PRE>a▁<SUF>b▁<MID>");
  EXPECT_EQ(prompt({"<end>", "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"}),
            "<｜fim▁begin｜>a<｜fim▁hole｜>b<｜fim▁end｜>");
  EXPECT_EQ(prompt({"<end>", "<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"}),
            "<[fim-suffix]>b<[fim-prefix]>a<[fim-middle]>");
  EXPECT_EQ(prompt({"</s>", "[PREFIX]", "[SUFFIX]", "[MIDDLE]"}), "[SUFFIX]b[PREFIX]a");
  EXPECT_EQ(prompt({"</s>", "[PREFIX]", "[SUFFIX]"}), "[SUFFIX]b[PREFIX]a");
}

TEST(Fim, TheKnownBeginningOfTheGapJoinsThePrefix) {
  const ToyTokenizer tokenizer = qwen();
  EXPECT_EQ(text_of(tokenizer, kGap), "<|fim_prefix|>int a =<|fim_suffix|>}<|fim_middle|>");
  FimTokens tokens = find_fim_tokens(tokenizer);
  tokens.order = Order::kSpm;
  EXPECT_EQ(tokenizer.decode(fim_prompt(tokenizer, tokens, kGap).tokens, true),
            "<|fim_suffix|>}<|fim_prefix|>int a =<|fim_middle|>");
  EXPECT_EQ(text_of(tokenizer, {}), "<|fim_prefix|><|fim_suffix|><|fim_middle|>");
}

TEST(Fim, ExtraFilesComeFirst) {
  EXPECT_EQ(text_of(qwen(), kRepo),
            "<|repo_name|>myproject\n<|file_sep|>a.h\nA<|file_sep|>b.h\nB<|file_sep|>filename\n"
            "<|fim_prefix|>p<|fim_suffix|>s<|fim_middle|>");
  FimRequest named = kRepo;
  named.repo_name = "orrery";
  named.filename = "main.cpp";
  const ToyTokenizer starcoder(
      {}, {"<end>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<repo_name>", "<file_sep>"});
  EXPECT_EQ(text_of(starcoder, named),
            "<repo_name>orrery<file_sep>a.h\nA<file_sep>b.h\nB<file_sep>main.cpp\n"
            "<fim_prefix>p<fim_suffix>s<fim_middle>");
  const ToyTokenizer plain({}, {"<end>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>"});
  EXPECT_EQ(text_of(plain, kRepo),
            "\n\n--- snippet ---\n\nA\n\n--- snippet ---\n\nB<fim_prefix>p<fim_suffix>s<fim_middle>");
}

TEST(Fim, LimitsKeepWhatIsNearTheGapAndSayWhatWentLost) {
  const ToyTokenizer tokenizer = qwen();
  const FimTokens tokens = find_fim_tokens(tokenizer);
  FimRequest request = kRepo;
  request.prefix = "0123456789";
  request.suffix = "abcdefghij";
  const FimPrompt prompt = fim_prompt(tokenizer, tokens, request, {.prefix = 3, .suffix = 2, .extra = 12});
  EXPECT_EQ(tokenizer.decode(prompt.tokens, true),
            "\nB<|file_sep|>filename\n<|fim_prefix|>789<|fim_suffix|>ab<|fim_middle|>");
  EXPECT_EQ(prompt.dropped_prefix, 7);
  EXPECT_EQ(prompt.dropped_suffix, 8);
  EXPECT_EQ(prompt.dropped_extra, 11 + 6 + 4);
  const FimPrompt all = fim_prompt(tokenizer, tokens, request);
  EXPECT_EQ(all.dropped_prefix + all.dropped_suffix + all.dropped_extra, 0);
  EXPECT_EQ(text_of(tokenizer, request, {.prefix = 0, .suffix = 0, .extra = 0}),
            "<|fim_prefix|><|fim_suffix|><|fim_middle|>");
}

TEST(Fim, LlamaCppsLimits) {
  const FimLimits limits = llama_cpp_fim_limits(2048, 8192, 128, 3);
  EXPECT_EQ(limits.prefix, 1536);
  EXPECT_EQ(limits.suffix, 507);
  EXPECT_EQ(limits.extra, 8192 - 2048 - 256);
  EXPECT_EQ(llama_cpp_fim_limits(16, 8, 100, 90).suffix, 0);
  EXPECT_EQ(llama_cpp_fim_limits(16, 8, 100, 90).extra, 0);
  EXPECT_EQ(llama_cpp_fim_limits(512, 4096, -1, 0).extra, 3584);
}

TEST(Fim, BosComesFirstWhereTheModelWantsIt) {
  ToyTokenizer tokenizer({}, {"<end>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<s>"});
  tokenizer.bos = tokenizer.find("<s>");
  EXPECT_EQ(text_of(tokenizer, {.prefix = "a"}), "<fim_prefix>a<fim_suffix><fim_middle>");
  tokenizer.add_bos = true;
  EXPECT_TRUE(text_of(tokenizer, kRepo).starts_with("<s>\n\n--- snippet"));
}

TEST(Fim, AnswersEndWithAnyOfTheTokens) {
  const ToyTokenizer tokenizer = qwen();
  EXPECT_EQ(find_fim_tokens(tokenizer).ends, (Ids{256, 257, 258, 259, 260, 261, 262}));
  const ToyTokenizer code_llama({}, {"</s>", "▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>"});
  EXPECT_EQ(find_fim_tokens(code_llama).ends, (Ids{256, 257, 258, 259, 260}));
}

TEST(Fim, AModelWithoutTokensIsToldWhatWasLookedFor) {
  for (const auto& specials : std::vector<std::vector<std::string>>{
           {"<end>"}, {"<end>", "<repo_name>", "<file_sep>"}, {"<end>", "<fim_prefix>", "<fim_suffix>"}}) {
    try {
      find_fim_tokens(ToyTokenizer({}, specials));
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      const std::string message = error.what();
      for (const char* name : {"<|fim_prefix|>", "▁<PRE>", "[SUFFIX]", "tokenizer.ggml.fim_pre_token_id"})
        EXPECT_NE(message.find(name), std::string::npos) << message;
    }
  }
}

TEST(Fim, SmolLm2CannotFillGaps) {
  const auto folder = std::filesystem::path(ORRERY_SOURCE_DIR) / "../shared/golden/text/tokenizer-smollm2";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared";
  EXPECT_THROW(find_fim_tokens(*Tokenizer::open(folder)), Error);
}

// ---- GGUF

std::unique_ptr<Tokenizer> tokenizer_of(const GgufMetadata& metadata) {
  const auto path = std::filesystem::temp_directory_path() / ("orrery-fim-" + std::to_string(getpid()) + ".gguf");
  formats::write_gguf(path, metadata, {});
  const auto file = formats::GgufFile::open(path);
  std::filesystem::remove(path);  // it stays mapped
  return Tokenizer::from_gguf(file);
}

// Code Llama's kind: SentencePiece, which puts a blank before every text.
GgufMetadata small_llama() {
  constexpr int64_t kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6;
  GgufMetadata metadata;
  metadata["tokenizer.ggml.model"] = GgufValue::string("llama");
  metadata["tokenizer.ggml.tokens"] = GgufValue::strings(
      {"<unk>", "<s>", "</s>", "<0xE2>", "<0x98>", "<0xBA>", "▁", "a", "b", "▁a", "▁b", "one", "two", "three", "four"});
  metadata["tokenizer.ggml.token_type"] =
      GgufValue::i32s({kUnknown, kControl, kControl, kByte, kByte, kByte, kNormal, kNormal, kNormal, kNormal, kNormal,
                       kControl, kControl, kControl, kControl});
  metadata["tokenizer.ggml.scores"] = GgufValue::f32s({0, 0, 0, 0, 0, 0, -9, -8, -7, -1, -2, 0, 0, 0, 0});
  metadata["tokenizer.ggml.add_bos_token"] = GgufValue::boolean(true);
  return metadata;
}

TEST(Fim, GgufMetadataNamesTheTokens) {
  GgufMetadata metadata = small_llama();
  metadata["tokenizer.ggml.fim_pre_token_id"] = GgufValue::u32(11);
  metadata["tokenizer.ggml.fim_suf_token_id"] = GgufValue::u32(12);
  metadata["tokenizer.ggml.fim_mid_token_id"] = GgufValue::u32(13);
  metadata["tokenizer.ggml.fim_pad_token_id"] = GgufValue::u32(14);
  const auto tokenizer = tokenizer_of(metadata);
  const FimTokens tokens = find_fim_tokens(*tokenizer);
  EXPECT_EQ(tokens.pad, 14);
  EXPECT_FALSE(tokens.repo);
  // Only the prefix has SentencePiece's blank.
  EXPECT_EQ(fim_prompt(*tokenizer, tokens, {.prefix = "a", .suffix = "b", .middle = "a"}).tokens,
            (Ids{1, 11, 9, 7, 12, 8, 13}));
  EXPECT_EQ(fim_prompt(*tokenizer, tokens, {.prefix = "a", .suffix = " b"}).tokens, (Ids{1, 11, 9, 12, 10, 13}));
}

TEST(Fim, OlderGgufKeysAreReadToo) {
  GgufMetadata metadata = small_llama();
  metadata["tokenizer.ggml.prefix_token_id"] = GgufValue::u32(12);
  metadata["tokenizer.ggml.suffix_token_id"] = GgufValue::u32(13);
  metadata["tokenizer.ggml.middle_token_id"] = GgufValue::u32(14);
  EXPECT_EQ(find_fim_tokens(*tokenizer_of(metadata)).middle, 14);
  metadata["tokenizer.ggml.fim_mid_token_id"] = GgufValue::u32(11);
  EXPECT_EQ(find_fim_tokens(*tokenizer_of(metadata)).middle, 11);
  metadata.erase("tokenizer.ggml.prefix_token_id");
  EXPECT_THROW(find_fim_tokens(*tokenizer_of(metadata)), Error);
  metadata["tokenizer.ggml.fim_pre_token_id"] = GgufValue::u32(99);
  EXPECT_THROW(tokenizer_of(metadata), Error);
}

}  // namespace
}  // namespace orrery::text
