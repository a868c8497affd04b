// A tokenizer from SentencePiece's tokenizer.model.
#include <algorithm>

#include "orrery/text/tokenizer/loaders.h"
#include "orrery/text/tokenizer/sentencepiece_proto.h"

namespace orrery::text {

std::unique_ptr<Tokenizer> load_sentencepiece(std::string_view bytes, const std::string& name,
                                              const HubConfig& config) {
  SentencePieceModel model = read_sentencepiece_model(bytes, name);
  SentencePieceParts& parts = model.parts;
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

  // Llama's tokenizer begins every text with <s>, and BPE models with bytes are its kin; T5's ends them with </s>.
  const bool llama = parts.algorithm == SentencePieceParts::Algorithm::kBpe;
  auto built = build_sentencepiece(std::move(parts), name);
  const auto find = [&](const std::string& piece) -> std::optional<TokenId> {
    const TokenId id = built.by_piece.find(piece);
    return id == kNoToken || !built.special[static_cast<size_t>(id)] ? std::nullopt : std::optional(id);
  };
  const std::optional<TokenId> bos = find(config.bos.empty() ? model.bos : config.bos);
  const std::optional<TokenId> eos = find(config.eos.empty() ? model.eos : config.eos);
  const std::optional<TokenId> pad = find(config.pad.empty() ? model.pad : config.pad);
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
