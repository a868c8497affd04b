// BERT's tokenizers, as tokenizer.json and as GGUF, against the ids of PyPI's tokenizers
// (scripts/make_word_piece_fixture.py).
#include <nlohmann/json.hpp>

#include "orrery/base/file.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/tokenizer/hub_config.h"
#include "orrery/text/tokenizer/loaders.h"
#include "orrery/text/tokenizer/tokenizer.h"
#include "tests/text/tokenizer/support.h"

namespace orrery::text {
namespace {

using formats::GgufMetadata;
using formats::GgufValue;
using nlohmann::json;

json variants() { return json::parse(read_text(fixture("word_piece.json"))); }

void expect_original_ids(const Tokenizer& tokenizer, const json& cases) {
  for (const json& example : cases) {
    const std::string text = example["text"];
    const bool special = example["special"];
    ASSERT_EQ(tokenizer.encode(text, {.add_special = special, .parse_special = special}),
              example["ids"].get<std::vector<TokenId>>())
        << testing::PrintToString(text);
  }
}

/// The vocabulary as llama.cpp's converter writes it.
struct GgufVocabulary {
  explicit GgufVocabulary(const json& vocab) : pieces(vocab.size()), types(vocab.size(), 1) {
    for (const auto& [piece, id] : vocab.items()) {
      const bool markup = piece.size() > 2 && piece.front() == '[' && piece.back() == ']';
      pieces[id] = markup ? piece : piece.starts_with("##") && piece.size() > 2 ? piece.substr(2) : "\u2581" + piece;
      if (markup) types[id] = 3;
    }
  }
  GgufMetadata metadata() const {
    GgufMetadata metadata;
    metadata["tokenizer.ggml.model"] = GgufValue::string("bert");
    metadata["tokenizer.ggml.tokens"] = GgufValue::strings({pieces.begin(), pieces.end()});
    metadata["tokenizer.ggml.token_type"] = GgufValue::i32s(types);
    metadata["tokenizer.ggml.unknown_token_id"] = GgufValue::u32(1);
    metadata["tokenizer.ggml.cls_token_id"] = GgufValue::u32(2);
    metadata["tokenizer.ggml.seperator_token_id"] = GgufValue::u32(3);
    return metadata;
  }
  std::vector<std::string> pieces;
  std::vector<int64_t> types;
};

TEST(WordPiece, TokenizerJsonGivesTheOriginalsIds) {
  for (const json& variant : variants()) {
    SCOPED_TRACE(variant["name"].get<std::string>());
    expect_original_ids(*load_tokenizer_json(variant["tokenizer"].dump(), "tokenizer.json", {}), variant["cases"]);
  }
}

TEST(WordPiece, GgufGivesTheOriginalsIds) {
  for (const json& variant : variants()) {
    SCOPED_TRACE(variant["name"].get<std::string>());
    const GgufVocabulary vocabulary(variant["tokenizer"]["model"]["vocab"]);
    GgufMetadata metadata = vocabulary.metadata();
    const json& options = variant["options"];
    metadata["tokenizer.ggml.normalizer.lowercase"] = GgufValue::boolean(options["lowercase"]);
    if (options.contains("strip_accents"))
      metadata["tokenizer.ggml.normalizer.strip_accents"] = GgufValue::boolean(options["strip_accents"]);
    json cases = json::array();  // in GGUF a piece that goes on with U+2581 looks like one that begins a word
    for (const json& example : variant["cases"])
      if (example["text"].get<std::string>().find("\u2581") == std::string::npos) cases.push_back(example);
    ASSERT_GT(cases.size(), 60u);
    expect_original_ids(*tokenizer_of(metadata), cases);
  }
}

TEST(WordPiece, GgufDecodesToWords) {
  const json variant = variants()[0];
  const auto tokenizer = tokenizer_of(GgufVocabulary(variant["tokenizer"]["model"]["vocab"]).metadata());
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("The WORD that they made", {.add_special = false}), false),
            "the word that they made");
  EXPECT_EQ(tokenizer->unk, 1);
  EXPECT_TRUE(tokenizer->is_special(2));
}

}  // namespace
}  // namespace orrery::text
