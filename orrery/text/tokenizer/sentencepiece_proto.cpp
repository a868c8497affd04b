#include "orrery/text/tokenizer/sentencepiece_proto.h"

#include <fmt/format.h>

#include "orrery/text/tokenizer/protobuf.h"

namespace orrery::text {

namespace {

// The field numbers are sentencepiece_model.proto's.

void read_trainer_spec(ProtoReader reader, SentencePieceModel& model) {
  SentencePieceParts& parts = model.parts;
  while (reader.next()) {
    switch (reader.field()) {
      case 3:
        if (reader.number() != 1 && reader.number() != 2)
          reader.fail(fmt::format("the model type {} (word or char)", reader.number()));
        parts.algorithm =
            reader.number() == 2 ? SentencePieceParts::Algorithm::kBpe : SentencePieceParts::Algorithm::kUnigram;
        break;
      case 24:
        parts.whitespace_as_suffix = reader.boolean();
        break;
      case 35:
        parts.byte_fallback = reader.boolean();
        break;
      case 44:
        parts.unknown_surface = reader.text();
        break;
      case 46:
        model.bos = reader.text();
        break;
      case 47:
        model.eos = reader.text();
        break;
      case 48:
        model.pad = reader.text();
        break;
      default:
        break;
    }
  }
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

SentencePieceModel read_sentencepiece_model(std::string_view bytes, const std::string& name) {
  ProtoReader reader(bytes, name);
  SentencePieceModel model;
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        read_piece({reader.text(), name}, model.parts);
        break;
      case 2:
        read_trainer_spec({reader.text(), name}, model);
        break;
      case 3:
        read_normalizer_spec({reader.text(), name}, model.parts);
        break;
      default:
        break;
    }
  }
  if (model.parts.pieces.empty()) reader.fail("no pieces");
  return model;
}

}  // namespace orrery::text
