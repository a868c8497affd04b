// tokenizer.model: SentencePiece's ModelProto (google/sentencepiece, src/sentencepiece_model.proto; the field numbers
// are from there).
#include <fmt/format.h>

#include <algorithm>

#include "orrery/text/tokenizer/loaders.h"
#include "orrery/text/tokenizer/protobuf.h"
#include "orrery/text/tokenizer/sentencepiece_build.h"

namespace orrery::text {

namespace {

struct TrainerSpec {
  uint64_t model_type = 1;
  bool whitespace_as_suffix = false, byte_fallback = false;
  std::string unk_surface = " \xE2\x81\x87 ";
  std::string bos = "<s>", eos = "</s>", pad = "<pad>";
};

TrainerSpec read_trainer_spec(ProtoReader reader) {
  TrainerSpec spec;
  while (reader.next()) {
    switch (reader.field()) {
      case 3:
        spec.model_type = reader.number();
        break;
      case 24:
        spec.whitespace_as_suffix = reader.boolean();
        break;
      case 35:
        spec.byte_fallback = reader.boolean();
        break;
      case 44:
        spec.unk_surface = reader.text();
        break;
      case 46:
        spec.bos = reader.text();
        break;
      case 47:
        spec.eos = reader.text();
        break;
      case 48:
        spec.pad = reader.text();
        break;
      default:
        break;
    }
  }
  return spec;
}

void read_normalizer_spec(ProtoReader reader, SentencePieceParts& parts) {
  while (reader.next()) {
    switch (reader.field()) {
      case 2:
        parts.charsmap = reader.text();
        break;
      case 3:
        parts.add_dummy_prefix = reader.boolean();
        break;
      case 4:
        parts.remove_extra_whitespaces = reader.boolean();
        break;
      case 5:
        parts.escape_whitespaces = reader.boolean();
        break;
      default:
        break;
    }
  }
}

void read_piece(ProtoReader reader, SentencePieceParts& parts) {
  std::string_view piece;
  float score = 0;
  uint64_t type = static_cast<uint64_t>(PieceType::kNormal);
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        piece = reader.text();
        break;
      case 2:
        score = reader.real();
        break;
      case 3:
        type = reader.number();
        break;
      default:
        break;
    }
  }
  if (piece.empty()) reader.fail(fmt::format("an empty piece, number {}", parts.pieces.size()));
  if (type < 1 || type > 6) reader.fail(fmt::format("the piece type {}", type));
  parts.pieces.push_back(piece);
  parts.scores.push_back(score);
  parts.types.push_back(static_cast<PieceType>(type));
}

}  // namespace

std::unique_ptr<Tokenizer> load_sentencepiece(std::string_view bytes, const std::string& name,
                                              const HubConfig& config) {
  ProtoReader reader(bytes, name);
  SentencePieceParts parts;
  TrainerSpec trainer;
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        read_piece({reader.text(), name}, parts);
        break;
      case 2:
        trainer = read_trainer_spec({reader.text(), name});
        break;
      case 3:
        read_normalizer_spec({reader.text(), name}, parts);
        break;
      default:
        break;
    }
  }
  if (parts.pieces.empty()) reader.fail("no pieces");
  if (trainer.model_type != 1 && trainer.model_type != 2)
    reader.fail(fmt::format("the model type {} (word or char)", trainer.model_type));
  parts.algorithm =
      trainer.model_type == 2 ? SentencePieceParts::Algorithm::kBpe : SentencePieceParts::Algorithm::kUnigram;
  parts.byte_fallback = trainer.byte_fallback;
  parts.whitespace_as_suffix = trainer.whitespace_as_suffix;
  parts.unknown_surface = trainer.unk_surface;
  const bool strips = parts.add_dummy_prefix || parts.remove_extra_whitespaces;
  const bool strips_all = parts.remove_extra_whitespaces;
  // Control pieces are found in a text only where special tokens are parsed, which SentencePiece itself never does.
  for (size_t i = 0; i < parts.pieces.size(); ++i) {
    if (parts.types[i] == PieceType::kControl || parts.types[i] == PieceType::kUnknown) {
      parts.added.push_back({.content = std::string(parts.pieces[i]), .id = static_cast<TokenId>(i), .special = true});
    }
  }
  parts.added.insert(parts.added.end(), config.added.begin(), config.added.end());
  const auto unk = std::find(parts.types.begin(), parts.types.end(), PieceType::kUnknown);
  const std::optional<TokenId> unk_id =
      unk == parts.types.end() ? std::nullopt : std::optional(static_cast<TokenId>(unk - parts.types.begin()));

  auto built = build_sentencepiece(std::move(parts), name);
  const auto find = [&](const std::string& piece) -> std::optional<TokenId> {
    const TokenId id = built.by_piece.find(piece);
    return id == kNoToken || !built.special[static_cast<size_t>(id)] ? std::nullopt : std::optional(id);
  };
  const std::optional<TokenId> bos = find(config.bos.empty() ? trainer.bos : config.bos);
  const std::optional<TokenId> eos = find(config.eos.empty() ? trainer.eos : config.eos);
  const std::optional<TokenId> pad = find(config.pad.empty() ? trainer.pad : config.pad);
  // Llama's tokenizer begins every text with <s>, and BPE models with bytes are its kin; T5's ends them with </s>.
  const bool llama = trainer.model_type == 2;
  const bool add_bos = config.add_bos.value_or(llama) && bos.has_value();
  const bool add_eos = config.add_eos.value_or(!llama) && eos.has_value();
  if (add_bos) built.prefix = {*bos};
  if (add_eos) built.suffix = {*eos};

  auto tokenizer = std::make_unique<PipelineTokenizer>(std::move(built));
  tokenizer->bos = bos;
  tokenizer->eos = eos;
  tokenizer->pad = pad;
  tokenizer->unk = unk_id;
  tokenizer->add_bos = add_bos;
  tokenizer->add_eos = add_eos;
  using LeadingSpace = Tokenizer::LeadingSpace;
  tokenizer->leading_space = strips_all ? LeadingSpace::kDropAll
                             : strips   ? LeadingSpace::kDropOne
                                        : LeadingSpace::kKeep;
  apply_hub_config(config, *tokenizer);
  return tokenizer;
}

}  // namespace orrery::text
