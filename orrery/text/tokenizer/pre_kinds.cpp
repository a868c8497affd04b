// Which model uses which expression is as llama.cpp has it (ggml-org/llama.cpp, src/llama-vocab.cpp). Where its dialect
// made it adapt an expression, this is the model's own, from its tokenizer.json.
#include "orrery/text/tokenizer/pre_kinds.h"

#include <algorithm>
#include <iterator>

namespace orrery::text {

namespace {

using Patterns = const std::string_view[];

#define ORRERY_CONTRACTIONS R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"
#define ORRERY_UPPER R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define ORRERY_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define ORRERY_CASED(suffix) ORRERY_UPPER "*" ORRERY_LOWER "+" suffix "|" ORRERY_UPPER "+" ORRERY_LOWER "*" suffix
#define ORRERY_END R"(\s*[\r\n]+|\s+(?!\S)|\s+)"
#define ORRERY_SIGNS R"( ?[^\s\p{L}\p{N}]+)"
#define ORRERY_GPT2 R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"
#define ORRERY_CL100K(digits) \
  ORRERY_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|)" digits "|" ORRERY_SIGNS R"([\r\n]*|)" ORRERY_END
#define ORRERY_DEEPSEEK3 \
  R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" ORRERY_END

constexpr Patterns kGpt2 = {ORRERY_GPT2};
constexpr Patterns kDigitsGpt2 = {R"(\p{N})", ORRERY_GPT2};
constexpr Patterns kLlama3 = {ORRERY_CL100K(R"(\p{N}{1,3})")};
constexpr Patterns kQwen2 = {ORRERY_CL100K(R"(\p{N})")};
constexpr Patterns kQwen35 = {ORRERY_CONTRACTIONS
                              R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" ORRERY_END};
constexpr Patterns kMiniCpm5 = {R"(\p{N}{1,3})", ORRERY_CL100K(R"(\p{N}+)")};
constexpr Patterns kJais2 = {
    ORRERY_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|)"
    R"(\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})"};
constexpr Patterns kSeedCoder = {ORRERY_CONTRACTIONS
                                 R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|)" ORRERY_END};
constexpr Patterns kUfakZeka = {R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)" ORRERY_SIGNS R"([\r\n]*|)" ORRERY_END};
constexpr Patterns kBailing = {
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr Patterns kExaoneMoe = {
    ORRERY_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)++|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr Patterns kO200k = {ORRERY_CASED(ORRERY_CONTRACTIONS "?") R"(|\p{N}{1,3}|)" ORRERY_SIGNS
                                                                   R"([\r\n/]*|)" ORRERY_END};
constexpr Patterns kTinyAya = {R"(\d{1,3}(?=(?:\d{3})*\b))", kO200k[0]};
constexpr Patterns kTekken = {ORRERY_CASED("") R"(|\p{N}|)" ORRERY_SIGNS R"([\r\n/]*|)" ORRERY_END};
constexpr Patterns kYoutu = {
    R"([가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+)",
    ORRERY_CASED(ORRERY_CONTRACTIONS "?") R"(|\p{N}|)" ORRERY_SIGNS R"([\r\n/]*|)" ORRERY_END};
constexpr Patterns kKimiK2 = {
    R"([\p{Han}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)" ORRERY_CONTRACTIONS
    R"(?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)" ORRERY_CONTRACTIONS
    R"(?|\p{N}{1,3}|)" ORRERY_SIGNS R"([\r\n]*|)" ORRERY_END};
constexpr Patterns kDeepSeekLlm = {
    R"([\r\n])",
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)",
    R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)",
    R"(\s+$)",
    R"([一-龥ࠀ-一가-퟿]+)",
    R"(\p{N}+)"};
constexpr Patterns kDeepSeekCoder = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", R"([一-龥ࠀ-一가-퟿]+)",
                                     R"(\p{N})"};
constexpr Patterns kDeepSeek3 = {R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)", ORRERY_DEEPSEEK3};
constexpr Patterns kSpark25 = {
    R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)",
    R"(\p{N})"};
constexpr Patterns kAfmoe = {
    R"(\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N})))",
    R"([一-鿿㐀-䶿豈-﫿぀-ゟ゠-ヿ･-ﾟ⼀-⿟เ-๿຀-໿ក-៿က-႟ꩠ-ꩿꧠ-꧿가-힯ᄀ-ᇿ]+)",
    ORRERY_DEEPSEEK3};
constexpr Patterns kFalcon = {R"([\p{P}\$\+<=>\^~\|`]+)", ORRERY_GPT2, R"([0-9][0-9][0-9])"};
constexpr Patterns kDefault = {R"([\p{P}\$\+<=>\^~\|]+)", ORRERY_GPT2, R"(\p{N}+)", R"([0-9][0-9][0-9])"};
constexpr Patterns kBloom = {R"( ?[^(\s|.,!?…。，、।۔،)]+)"};
constexpr Patterns kViking = {R"( ?[^(\s|.,!?…。，、।۔،)]+)", R"(\p{N})"};
constexpr Patterns kChameleon = {R"(<sentinel:[0-9]+>)",    R"((IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z)",
                                 R"(([\t\n]|    |  ))",     R"(\p{N})",
                                 R"([\p{P}!-/:-@\[-`{-~])", ORRERY_GPT2};
constexpr Patterns kSuperBpe = {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"};
constexpr Patterns kLaguna = {R"([^\n]+|[\n]+)", ORRERY_CL100K(R"(\p{N})")};
constexpr Patterns kLines = {R"([^\n]+|[\n]+)"};

constexpr PreKind kKinds[] = {
    {"default", kDefault},
    {"llama3", kLlama3, true, true},
    {"llama-v3", kLlama3, true, true},
    {"llama-bpe", kLlama3, true, true},
    {"falcon3", kLlama3, true, true},
    {"falcon-h1", kLlama3, true, true},
    {"pixtral", kLlama3, true, true},
    {"midm-2.0", kLlama3, true, true},
    {"lfm2", kLlama3, true, true},
    {"jina-v5-nano", kLlama3, true, true},
    {"dbrx", kLlama3},
    {"smaug-bpe", kLlama3},
    {"chatglm-bpe", kLlama3},
    {"glm4", kLlama3, true},
    {"glm5", kLlama3, true},
    {"jais-2", kJais2},
    {"minicpm5", kMiniCpm5, true},
    {"qwen2", kQwen2},
    {"deepseek-r1-qwen", kQwen2},
    {"kormo", kQwen2},
    {"f2llmv2", kQwen2},
    {"megrez", kQwen2},
    {"stablelm2", kQwen2},
    {"hunyuan", kQwen2},
    {"solar-open", kQwen2},
    {"grok-2", kQwen2},
    {"qwen35", kQwen35},
    {"seed-coder", kSeedCoder},
    {"ufakzeka", kUfakZeka},
    {"bailingmoe", kBailing},
    {"bailingmoe2", kBailing},
    {"llada-moe", kBailing},
    {"exaone-moe", kExaoneMoe},
    {"gpt-4o", kO200k},
    {"llama4", kO200k},
    {"kanana2", kO200k},
    {"talkie", kO200k},
    {"minimax-m2", kO200k},
    {"granite-embed-multi-97m", kO200k, true},
    {"tiny_aya", kTinyAya},
    {"cohere2moe", kTinyAya},
    {"tekken", kTekken, true, true},
    {"youtu", kYoutu, true},
    {"kimi-k2", kKimiK2},
    {"deepseek-llm", kDeepSeekLlm},
    {"deepseek-coder", kDeepSeekCoder},
    {"deepseek-v3", kDeepSeek3},
    {"hunyuan-dense", kDeepSeek3},
    {"joyai-llm", kDeepSeek3},
    {"hy_v4", kDeepSeek3},
    {"spark2_5", kSpark25},
    {"afmoe", kAfmoe},
    {"falcon", kFalcon},
    {"gpt-2", kGpt2},
    {"gpt2", kGpt2},
    {"phi-2", kGpt2},
    {"jina-es", kGpt2},
    {"jina-de", kGpt2},
    {"jina-v1-en", kGpt2},
    {"jina-v2-es", kGpt2},
    {"jina-v2-de", kGpt2},
    {"jina-v2-code", kGpt2},
    {"roberta-bpe", kGpt2},
    {"gigachat", kGpt2},
    {"a.x-4.0", kGpt2},
    {"mellum", kGpt2},
    {"modern-bert", kGpt2},
    {"mpt", kGpt2},
    {"olmo", kGpt2},
    {"jais", kGpt2},
    {"trillion", kGpt2},
    {"granite-docling", kGpt2},
    {"exaone4", kGpt2},
    {"starcoder", kDigitsGpt2},
    {"refact", kDigitsGpt2},
    {"command-r", kDigitsGpt2},
    {"smollm", kDigitsGpt2},
    {"codeshell", kDigitsGpt2},
    {"exaone", kDigitsGpt2},
    {"minerva-7b", kDigitsGpt2},
    {"mellum2", kDigitsGpt2},
    {"bloom", kBloom},
    {"poro-chat", kBloom},
    {"gpt3-finnish", kBloom},
    {"viking", kViking},
    {"chameleon", kChameleon, false, true},
    {"superbpe", kSuperBpe},
    {"laguna", kLaguna},
    {.name = "gemma4", .patterns = kLines, .add_bos = true, .metaspace = true},
    {.name = "granite-embed-multi-311m", .patterns = kLines, .metaspace = true},
    {.name = "sarvam-moe", .patterns = kLines, .metaspace = true},
};

}  // namespace

const PreKind* find_pre_kind(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kKinds), std::end(kKinds), [=](const PreKind& kind) { return kind.name == name; });
  return found == std::end(kKinds) ? nullptr : found;
}

}  // namespace orrery::text
