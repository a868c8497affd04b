// orrery run, tokenize, template, inspect, quantize, convert, perplexity, bench: on real models.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/formats/gguf.h"
#include "tests/cli/program.h"
#include "tests/sanitized.h"

namespace orrery::cli_test {
namespace {

using nlohmann::json;

#define NEEDS_STORIES \
  ORRERY_NEEDS(stories, shared("data/weights/stories260K"), "../shared/data/weights/stories260K is missing")

json golden(const std::string& stories) { return json::parse(read_file(stories + "/golden.json")); }

json parsed(const Outcome& outcome) {
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return json::parse(outcome.out);
}

TEST(Run, ExactGreedyContinuationIsTheOriginals) {
  NEEDS_STORIES;
  const json expected = golden(*stories);
  const json result = parsed(orrery({"run", *stories + "/stories260K.gguf", "Once upon a time", "--raw", "--exact",
                                     "--temperature", "0", "--max-tokens", "55", "--json"}));
  json ids = expected["prompt_ids"];  // the golden's 60 begin with the prompt's 5
  for (const json& id : result["tokens"]) ids.push_back(id);
  EXPECT_EQ(ids, expected["greedy_ids"]);
  EXPECT_EQ(result["finish_reason"], "length");
  EXPECT_EQ(result["completion_tokens"], 55);
  EXPECT_EQ(result["prompt_tokens"], expected["prompt_ids"].size());
}

TEST(Run, TakesThePromptFromAPipeAndPrintsTheContinuationAlone) {
  NEEDS_STORIES;
  const Words common = {"--raw", "--temperature", "0", "--max-tokens", "20"};
  Words piped = {"run", *stories + "/stories260K.gguf"},
        typed = {"run", *stories + "/stories260K.gguf", "Once upon a time"};
  piped.insert(piped.end(), common.begin(), common.end());
  typed.insert(typed.end(), common.begin(), common.end());
  const Outcome by_pipe = orrery(piped, "Once upon a time"), by_word = orrery(typed);
  EXPECT_EQ(by_word.exit_code, 0) << by_word.err;
  EXPECT_EQ(by_word.err, "");
  EXPECT_EQ(by_word.out.substr(0, 5), ", the");
  EXPECT_EQ(by_pipe.out, by_word.out);
}

TEST(Run, SameSeedSameAnswerOtherSeedAnother) {
  NEEDS_STORIES;
  const auto answer = [&](const char* seed) {
    return orrery({"run", *stories + "/stories260K.gguf", "Once", "--raw", "--temperature", "1.5", "--seed", seed,
                   "--max-tokens", "30"})
        .out;
  };
  EXPECT_EQ(answer("1"), answer("1"));
  EXPECT_NE(answer("1"), answer("2"));
}

TEST(Run, StopsBeforeAStopTextWrittenWithBrackets) {
  NEEDS_STORIES;
  const auto with_stop = [&](const std::string& stop) {
    return parsed(orrery({"run", *stories + "/stories260K.gguf", "Once upon a time", "--raw", "--temperature", "0",
                          "--max-tokens", "40", "--json", "--stop", stop}));
  };
  const json stopped = with_stop(" girl");
  EXPECT_EQ(stopped["text"], ", there was a little");
  EXPECT_EQ(stopped["finish_reason"], "stop");
  // A parser that took brackets for a list would stop at "girl".
  EXPECT_EQ(with_stop("[ girl]")["finish_reason"], "length");
}

TEST(Run, StatsGoToStandardError) {
  NEEDS_STORIES;
  const Outcome outcome =
      orrery({"run", *stories + "/stories260K.gguf", "Once", "--raw", "--max-tokens", "5", "--stats"});
  EXPECT_NE(outcome.err.find("answer 5 tokens"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out.find("tokens"), std::string::npos);
}

TEST(Run, MinusOneMeansUpToTheContext) {
  NEEDS_STORIES;
  const json result = parsed(orrery({"run", *stories + "/stories260K.gguf", "Once", "--raw", "--temperature", "0",
                                     "--max-tokens", "-1", "--ignore-eos", "--context", "64", "--json"}));
  EXPECT_EQ(result["finish_reason"], "length");
  EXPECT_EQ(result["prompt_tokens"].get<int>() + result["completion_tokens"].get<int>(), 64);
}

TEST(Run, SaysOnStandardErrorWhyAnAnswerWasCutOff) {
  NEEDS_STORIES;
  const Words common = {"run", *stories + "/stories260K.gguf", "Once", "--raw", "--temperature", "0", "--ignore-eos"};
  const auto run = [&](const Words& more) {
    Words words = common;
    words.insert(words.end(), more.begin(), more.end());
    return orrery(words);
  };
  // The model has 512 positions.
  const Outcome full = run({"--context", "64"});
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_NE(full.err.find("the context of 64 tokens is full; a context of up to 512 is possible"), std::string::npos)
      << full.err;
  const Outcome stopped = run({"--context", "64", "--overflow", "stop"});
  EXPECT_EQ(stopped.exit_code, 0);
  EXPECT_NE(stopped.err.find("the context of 64 tokens is full; --context N allows up to 512"), std::string::npos);
  EXPECT_NE(run({"--overflow", "stop"}).err.find("the context of 512 tokens is full)"), std::string::npos);
  EXPECT_EQ(run({"--max-tokens", "5"}).err, "");  // as it was asked
  EXPECT_EQ(run({"--context", "64", "--overflow", "stop", "--quiet"}).err, "");
}

TEST(Run, GoesOnBeyondTheTrainedContext) {
  NEEDS_STORIES;
  const auto tokens = [&](const Words& more) {
    Words words = {"run",           *stories + "/stories260K.gguf",
                   "Once",          "--raw",
                   "--temperature", "0",
                   "--ignore-eos",  "--max-tokens",
                   "600",           "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return parsed(orrery(words))["completion_tokens"].get<int>();
  };
  EXPECT_EQ(tokens({"--rope-scaling", "yarn", "--context", "1024"}), 600);
  EXPECT_EQ(tokens({"--rope-scaling", "dynamic", "--rope-factor", "2"}), 600);
  EXPECT_EQ(tokens({"--self-extend", "4"}), 600);
  EXPECT_EQ(tokens({"--overflow", "sinks", "--context", "128"}), 600);
}

TEST(Run, KeepsAPromptInAFile) {
  NEEDS_STORIES;
  const TemporaryFolder folder;
  const std::string file = folder.path("prompt.cache");
  std::string text;
  for (int i = 0; i < 40; ++i) text += "Lily saw a dog. ";
  const auto run = [&](const Words& more) {
    Words words = {"run",
                   *stories + "/stories260K.gguf",
                   "--raw",
                   "--temperature",
                   "0",
                   "--max-tokens",
                   "8",
                   "--json",
                   "--prompt-cache",
                   file};
    words.insert(words.end(), more.begin(), more.end());
    return orrery(words, text);
  };
  const json first = parsed(run({})), again = parsed(run({}));
  EXPECT_EQ(first["cached_tokens"], 0);
  EXPECT_EQ(again["cached_tokens"].get<int>(), (again["prompt_tokens"].get<int>() - 1) / 64 * 64);
  EXPECT_EQ(again["tokens"], first["tokens"]);
  const Outcome other = run({"--kv", "f32"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("kv"), std::string::npos) << other.err;
  EXPECT_NE(other.err.find("f16"), std::string::npos) << other.err;
}

TEST(Run, KeepsTheStateOfARecurrentModelInAFile) {
  const std::filesystem::path model =
      std::filesystem::path(ORRERY_SOURCE_DIR) / "../shared/data/weights/rwkv-tiny/tiny-rwkv-7v0-834K-FP32.bin";
  if (!std::filesystem::exists(model)) GTEST_SKIP() << "needs ../shared/data/weights/rwkv-tiny";
  const TemporaryFolder folder;
  const auto run = [&](const std::string& prompt, const Words& more = {}) {
    Words words = {"run", model.string(), prompt, "--temperature", "0", "--max-tokens", "8", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return orrery(words);
  };
  const Words kept = {"--prompt-cache", folder.path("state.cache")};
  const std::string text = "Lily saw a dog. The dog ran";
  const auto known = [&](const std::string& prompt) {
    const json with = parsed(run(prompt, kept)), without = parsed(run(prompt));
    EXPECT_EQ(with["tokens"], without["tokens"]) << prompt;
    return with["cached_tokens"].get<size_t>();
  };
  EXPECT_EQ(known(text), 0u);
  EXPECT_EQ(known(text), text.size() - 1);
  EXPECT_EQ(known(text + " away"), text.size() - 1);
  EXPECT_EQ(known(text + " away"), text.size() + 4);
  EXPECT_EQ(known(text), 0u) << "the state is that of a longer text";
  EXPECT_EQ(known(text), text.size() - 1) << "and now of this";
  const Outcome other = run(text, {"--prompt-cache", folder.path("state.cache"), "--exact"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("exact"), std::string::npos) << other.err;
}

TEST(Run, TakesTheSamplingThatTheFileRecommends) {
  NEEDS_STORIES;
  const TemporaryFolder folder;
  const auto source = formats::GgufFile::open(*stories + "/stories260K.gguf");
  formats::GgufMetadata metadata = source.metadata();
  metadata["general.sampling.temp"] = formats::GgufValue::f32(0);
  formats::write_gguf(folder.path("greedy.gguf"), metadata, source.tensors());
  const auto answer = [&](const std::string& file, const Words& more) {
    Words words = {"run", file, "Once", "--raw", "--max-tokens", "40", "--json", "--seed", "7"};
    words.insert(words.end(), more.begin(), more.end());
    return parsed(orrery(words))["text"].get<std::string>();
  };
  const std::string plain = *stories + "/stories260K.gguf", recommending = folder.path("greedy.gguf");
  EXPECT_EQ(answer(recommending, {}), answer(plain, {"--temperature", "0"}));
  EXPECT_EQ(answer(recommending, {"--temperature", "0.8"}), answer(plain, {}));  // what is asked for comes first
  EXPECT_NE(answer(recommending, {}), answer(plain, {}));
}

TEST(Run, LogprobsNameTheChosenTokenAndItsRivals) {
  NEEDS_STORIES;
  const json result = parsed(orrery({"run", *stories + "/stories260K.gguf", "Once upon a time", "--raw",
                                     "--temperature", "0", "--max-tokens", "3", "--json", "--logprobs", "4"}));
  ASSERT_EQ(result["logprobs"].size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const json& token = result["logprobs"][i];
    EXPECT_EQ(token["id"], result["tokens"][i]);
    ASSERT_EQ(token["top"].size(), 4u);
    EXPECT_EQ(token["top"][0]["id"], token["id"]);  // greedy
    EXPECT_LE(token["logprob"].get<double>(), 0);
  }
}

TEST(Run, PromptLongerThanTheContextSaysBothSizes) {
  NEEDS_STORIES;
  std::string text;
  for (int i = 0; i < 300; ++i) text += "word ";
  const Outcome outcome = orrery({"run", *stories + "/stories260K.gguf", "--raw", "--context", "64"}, text);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
  EXPECT_NE(outcome.err.find("64"), std::string::npos) << outcome.err;
}

TEST(Run, SystemPromptNeedsAChatTemplate) {
  NEEDS_STORIES;
  EXPECT_EQ(orrery({"run", *stories + "/stories260K.gguf", "Once", "--system", "Be brief"}).exit_code, 2);
}

TEST(Run, DefaultModelIsFoundByItsShortNameAndAnswers) {
  NEEDS_SMOLLM2;
  const Outcome outcome = orrery({"run", "smollm2", "What is the capital of France? Answer with one word.",
                                  "--temperature", "0", "--max-tokens", "30"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("Paris"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.back(), '\n');
}

TEST(Run, JsonSchemaGivesJson) {
  NEEDS_SMOLLM2;
  const Outcome outcome =
      orrery({"run", *model, "Name a town in France and how many people live there.", "--temperature", "0",
              "--max-tokens", "200", "--json-schema",
              R"({"type":"object","properties":{"town":{"type":"string"},"people":{"type":"integer"}},)"
              R"("required":["town","people"],"additionalProperties":false})"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const json answer = json::parse(outcome.out);
  EXPECT_TRUE(answer["town"].is_string());
  EXPECT_TRUE(answer["people"].is_number_integer());
}

TEST(Run, GrammarFileIsFollowedAndItsMistakesAreLocated) {
  NEEDS_SMOLLM2;
  const TemporaryFolder folder;
  const Outcome outcome =
      orrery({"run", *model, "Is water wet?", "--grammar", folder.file("yes.gbnf", "root ::= \"yes\" | \"no\"")});
  EXPECT_TRUE(outcome.out == "yes\n" || outcome.out == "no\n") << outcome.out << outcome.err;
  const Outcome wrong =
      orrery({"run", *model, "Is water wet?", "--grammar", folder.file("wrong.gbnf", "root ::= missing")});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(lines(wrong.err), 1u) << wrong.err;
  EXPECT_NE(wrong.err.find("missing"), std::string::npos) << wrong.err;
}

TEST(Tokenize, PrintsIdsOnOneLine) {
  NEEDS_STORIES;
  const json expected = golden(*stories);
  std::string ids;
  for (const json& id : expected["prompt_ids"]) ids += (ids.empty() ? "" : " ") + id.dump();
  const std::string file = *stories + "/stories260K.gguf";
  EXPECT_EQ(orrery({"tokenize", file, "--ids", "Once upon a time"}).out, ids + "\n");
  EXPECT_EQ(orrery({"tokenize", file, "--ids", "-"}, "Once upon a time").out, ids + "\n");
  EXPECT_EQ(orrery({"tokenize", file, "--ids"}, "Once upon a time").out, ids + "\n");
  EXPECT_EQ(orrery({"tokenize", file, "--ids", "--raw", "Once upon a time"}).out, ids.substr(ids.find(' ') + 1) + "\n");
  EXPECT_EQ(orrery({"tokenize", file, "--ids", "--raw", ""}).out, "\n");
  EXPECT_EQ(orrery({"tokenize", file, "--decode", "--raw", ids}).out, "Once upon a time\n");
}

TEST(Tokenize, RawReadsSpecialLookingTextAsPlain) {
  NEEDS_SMOLLM2;
  EXPECT_EQ(orrery({"tokenize", *model, "--ids", "<|im_start|>"}).out, "1\n");
  const Outcome raw = orrery({"tokenize", *model, "--json", "--raw", "<|im_start|>"});
  EXPECT_GT(json::parse(raw.out)["count"], 1);
  EXPECT_EQ(orrery({"tokenize", *model, "--ids", "--raw", "--", "-n"}).exit_code, 0);
}

TEST(Tokenize, TableShowsPiecesAndEscapesHalfCharacters) {
  NEEDS_SMOLLM2;
  const Outcome outcome = orrery({"tokenize", *model, "Hello, \xF0\x9F\xA6\x9C"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.out.find("\"Hello\"\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("\\xf0"), std::string::npos) << outcome.out;
}

TEST(Tokenize, IdsThatAreNoneAreRefused) {
  NEEDS_STORIES;
  for (const char* ids : {"1 2 three", "99999", "-1"}) {
    const Outcome outcome = orrery({"tokenize", *stories + "/stories260K.gguf", "--decode", "--", ids});
    EXPECT_EQ(outcome.exit_code, 2) << ids;
    EXPECT_EQ(lines(outcome.err), 1u);
  }
}

TEST(Template, RendersAFileWithItsContextAndNothingElse) {
  const TemporaryFolder folder;
  const std::string source = folder.file("t.jinja",
                                         "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% "
                                         "endfor %}{% if add_generation_prompt %}>{% endif %}");
  const std::string messages = folder.file(
      "m.json",
      R"({"messages": [{"role": "user", "content": "hi <&>"}], "bos_token": "<s>", "add_generation_prompt": true})");
  EXPECT_EQ(orrery({"template", source, "--messages", messages}).out, "<s>[user] hi <&>\n>");
  EXPECT_EQ(orrery({"template", source, "--messages", "-"}, R"([{"role": "user", "content": "hi"}])").out,
            "[user] hi\n");
}

TEST(Template, OneThatRaisesExitsWithTwoAndItsMessage) {
  const TemporaryFolder folder;
  const std::string source = folder.file("t.jinja", "{{ raise_exception('roles must alternate') }}");
  const Outcome outcome = orrery({"template", source, "--messages", folder.file("m.json", R"({"messages": []})")});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(lines(outcome.err), 1u);
  EXPECT_NE(outcome.err.find("roles must alternate"), std::string::npos) << outcome.err;
}

TEST(Template, BrokenJsonIsLocated) {
  const TemporaryFolder folder;
  const std::string messages = folder.file("m.json", "{\"messages\": [}");
  const Outcome outcome = orrery({"template", folder.file("t.jinja", "x"), "--messages", messages});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
  EXPECT_NE(outcome.err.find("m.json: found parse error at line 1, column 15"), std::string::npos) << outcome.err;
}

TEST(Template, AModelBringsItsTemplateAndSpecialTokens) {
  NEEDS_SMOLLM2;
  const Outcome outcome = orrery({"template", *model, "--messages", "-", "--add-generation-prompt"},
                                 R"([{"role": "user", "content": "hi"}])");
  EXPECT_NE(outcome.out.find("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"), std::string::npos)
      << outcome.out << outcome.err;
}

TEST(Inspect, ShowsModelMemoryTokenizerMetadataAndTensors) {
  NEEDS_STORIES;
  const json document = parsed(orrery({"inspect", *stories + "/stories260K.gguf", "--json"}));
  EXPECT_EQ(document["format"], "gguf");
  EXPECT_EQ(document["model"]["layers"], 5);
  EXPECT_EQ(document["model"]["kv_heads"], 4);
  // 2 (keys, values) · 5 layers · 4 heads · 8 · 2 bytes
  EXPECT_EQ(document["memory"]["cache_bytes_per_token"]["f16"], 640);
  EXPECT_EQ(document["tokenizer"]["size"], 512);
  EXPECT_EQ(document["metadata"]["general.architecture"], "llama");
  EXPECT_EQ(document["metadata"]["tokenizer.ggml.tokens"]["length"], 512);
  int64_t bytes = 0;
  for (const json& tensor : document["tensors"]) bytes += tensor["bytes"].get<int64_t>();
  EXPECT_EQ(document["memory"]["weight_bytes"], bytes);

  const Outcome text = orrery({"inspect", *stories + "/stories260K.gguf"});
  EXPECT_NE(text.out.find("blk.{0-4}.attn_k.weight"), std::string::npos) << text.out;
  EXPECT_NE(orrery({"inspect", *stories + "/stories260K.gguf", "--all"}).out.find("blk.3.attn_k.weight"),
            std::string::npos);
}

TEST(Inspect, ReadsHubFoldersAndFilesThatAreNoLanguageModel) {
  ORRERY_NEEDS(folder, shared("golden/text/smollm"), "../shared/golden is missing");
  EXPECT_EQ(parsed(orrery({"inspect", *folder, "--json"}))["format"], "safetensors");
  const json tensors = parsed(orrery({"inspect", *folder + "/io.safetensors", "--json"}));
  EXPECT_TRUE(tensors.contains("problem"));
  EXPECT_FALSE(tensors["tensors"].empty());
}

TEST(Quantize, WritesASmallerFileThatRuns) {
  NEEDS_STORIES;
  const TemporaryFolder folder;
  const std::string output = folder.path("small.gguf");
  const json summary = parsed(orrery({"quantize", *stories + "/stories260K.gguf", output, "--type", "Q8_0", "--json"}));
  EXPECT_LT(summary["output_bytes"], summary["input_bytes"]);
  EXPECT_GT(summary["tensors"]["q8_0"], 0);
  EXPECT_EQ(folder.names(), Words{"small.gguf"});
  EXPECT_EQ(
      orrery({"run", output, "Once upon a time", "--raw", "--temperature", "0", "--max-tokens", "4"}).out.substr(0, 7),
      ", there");
}

TEST(Quantize, UnknownTypeListsTheTypesAndLeavesNothing) {
  NEEDS_STORIES;
  const TemporaryFolder folder;
  const Outcome outcome = orrery({"quantize", *stories + "/stories260K.gguf", folder.path("x.gguf"), "--type", "Q9"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("Q4_K_M"), std::string::npos) << outcome.err;
  EXPECT_TRUE(folder.names().empty());
}

TEST(Convert, HubFolderBecomesAGgufFile) {
  ORRERY_NEEDS(hub, shared("golden/text/smollm"), "../shared/golden is missing");
  const TemporaryFolder folder;
  const Outcome outcome = orrery({"convert", *hub, folder.path("model.gguf"), "--type", "F32"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(parsed(orrery({"inspect", folder.path("model.gguf"), "--json"}))["model"]["layers"],
            parsed(orrery({"inspect", *hub, "--json"}))["model"]["layers"]);
}

TEST(Perplexity, OfAGoodTextIsLowerThanOfNoise) {
  NEEDS_STORIES;
  const TemporaryFolder folder;
  std::string story, noise;
  for (int i = 0; i < 60; ++i)
    story += "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. ";
  for (int i = 0; i < 400; ++i) noise += "zq" + std::to_string(i * 7919 % 1000) + " ";
  const auto measure = [&](const std::string& text) {
    return parsed(orrery(
        {"perplexity", *stories + "/stories260K.gguf", folder.file("t.txt", text), "--context", "128", "--json"}));
  };
  const json good = measure(story), bad = measure(noise);
  EXPECT_GT(good["perplexity"], 1);
  EXPECT_LT(good["perplexity"].get<double>() * 5, bad["perplexity"].get<double>());
  EXPECT_EQ(good["tokens"], good["chunks"].get<int>() * (128 - 64 - 1));
}

TEST(Perplexity, ExactAgainstExactHasNoDivergence) {
  NEEDS_STORIES;
  ORRERY_NEEDS(text, shared("data/text/wiki_demo.txt"), "../shared/data/text is missing");
  const auto measure = [&](const Words& more) {
    Words words = {"perplexity", *stories + "/stories260K.gguf", *text, "--context", "64", "--chunks", "8", "--kl",
                   "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return parsed(orrery(words));
  };
  const json same = measure({"--exact"});
  EXPECT_EQ(same["mean_kl"], 0);
  EXPECT_EQ(same["top1_agreement"], 1);
  EXPECT_EQ(same["perplexity"], same["exact_perplexity"]);
  const json quantised = measure({});
  EXPECT_GT(quantised["mean_kl"], 0);
  EXPECT_LT(quantised["mean_kl"], 0.05);
  EXPECT_GT(quantised["top1_agreement"], 0.9);
}

TEST(Perplexity, ReadsTextFromAPipe) {
  NEEDS_STORIES;
  ORRERY_NEEDS(text, shared("data/text/wiki_demo.txt"), "../shared/data/text is missing");
  const Outcome outcome = shell("orrery perplexity " + *stories + "/stories260K.gguf <(head -c 2000 " + *text +
                                ") --context 64 --chunks 2 --quiet");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.substr(0, 10), "perplexity");
}

TEST(Perplexity, TextShorterThanAChunkIsRefused) {
  NEEDS_STORIES;
  const Outcome outcome = orrery({"perplexity", *stories + "/stories260K.gguf", "-"}, "Too short.");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("--context"), std::string::npos) << outcome.err;
}

TEST(Bench, ReportsWhatScriptsRelyOn) {
  NEEDS_STORIES;
  const json report =
      parsed(orrery({"bench", *stories + "/stories260K.gguf", "--threads", "2", "--prompt", "32", "--decode", "16",
                     "--sequences", "2", "--repetitions", "2", "--profile", "--json"}));
  for (const char* key : {"prompt_tokens_per_second", "decode_tokens_per_second", "memory_bandwidth_gb_per_second",
                          "peak_memory_bytes", "bytes_per_token"})
    EXPECT_GT(report[key], 0) << key;
  EXPECT_EQ(report["threads"], 2);
  EXPECT_EQ(report["decode_tokens_per_second_samples"].size(), 2u);
  // The buffer that measures the bandwidth is another process's. A sanitizer keeps what is freed.
  if (!kAddressSanitized) EXPECT_LT(report["peak_memory_bytes"], 256'000'000);
  double sum = 0;
  for (const auto& [kernel, share] : report["profile"]["decode"].items()) sum += share.get<double>();
  EXPECT_NEAR(sum, 1, 1e-9);
}

}  // namespace
}  // namespace orrery::cli_test
