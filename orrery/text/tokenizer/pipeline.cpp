#include "orrery/text/tokenizer/pipeline.h"

#include <algorithm>

#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

std::vector<TokenId> PipelineTokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::string repaired;
  if (!is_utf8(text)) text = repaired = repair_utf8(text);
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 4 + parts_.prefix.size() + parts_.suffix.size());
  if (options.add_special) ids = parts_.prefix;
  parts_.raw_added.split(
      text, options.parse_special,
      [&](size_t begin, size_t end) {
        encode_text(text.substr(begin, end - begin), begin == 0, options.parse_special, ids);
      },
      [&](TokenId id) { ids.push_back(id); });
  if (options.add_special) ids.insert(ids.end(), parts_.suffix.begin(), parts_.suffix.end());
  return ids;
}

void PipelineTokenizer::encode_text(std::string_view text, bool at_start, bool parse_special,
                                    std::vector<TokenId>& ids) const {
  std::string normalized;
  if (parts_.normalizer) {
    normalized = text;
    parts_.normalizer->apply(normalized);
    text = normalized;
  }
  if (parts_.normalized_added.empty()) {
    if (!text.empty()) encode_normalized({text, at_start}, ids);
    return;
  }
  parts_.normalized_added.split(
      text, parse_special,
      [&](size_t begin, size_t end) {
        encode_normalized({text.substr(begin, end - begin), at_start && begin == 0}, ids);
      },
      [&](TokenId id) { ids.push_back(id); });
}

void PipelineTokenizer::encode_normalized(Part part, std::vector<TokenId>& ids) const {
  if (!parts_.pre_tokenizer) {
    parts_.model->encode(part.text, ids);
    return;
  }
  parts_.pre_tokenizer->split(part, [&](Part word) { parts_.model->encode(word.text, ids); });
}

std::string PipelineTokenizer::decode(std::span<const TokenId> ids, bool keep_special) const {
  if (parts_.decoding == Decoding::kChain) return decode_chain(ids, keep_special);
  if (parts_.decoding == Decoding::kSentencePiece) return decode_sentencepiece(ids, keep_special);
  std::string text;
  for (TokenId id : ids) text += bytes(id, keep_special);
  if (leading_space != LeadingSpace::kKeep && text.starts_with(' ')) text.erase(0, 1);
  return is_utf8(text) ? text : repair_utf8(text);
}

std::string PipelineTokenizer::decode_sentencepiece(std::span<const TokenId> ids, bool keep_special) const {
  std::string text, queued;  // bytes that wait for the rest of their character
  bool at_start = true;
  const auto flush = [&] {
    for (size_t at = 0; at < queued.size();) {
      const Utf8Prefix prefix = utf8_prefix(std::string_view(queued).substr(at));
      const bool whole = prefix.kind == Utf8Prefix::Kind::kCharacter;
      text += whole ? std::string_view(queued).substr(at, prefix.length) : kReplacementCharacter;
      at += whole ? prefix.length : 1;
    }
    queued.clear();
  };
  for (TokenId id : ids) {
    if (!parts_.pieces->contains(id)) continue;
    std::string_view piece = bytes(id, keep_special);
    if (parts_.is_byte[static_cast<size_t>(id)]) {
      queued += piece;
      continue;
    }
    flush();
    at_start &= text.empty();
    if (unk && id == *unk && parts_.unknown_surface) piece = *parts_.unknown_surface;
    if (at_start && leading_space != LeadingSpace::kKeep && piece.starts_with(' ') && id != unk) {
      piece.remove_prefix(1);
      at_start = leading_space == LeadingSpace::kDropAll;
    }
    text += piece;
  }
  flush();
  return is_utf8(text) ? text : repair_utf8(text);
}

std::string PipelineTokenizer::decode_chain(std::span<const TokenId> ids, bool keep_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (TokenId id : ids) {
    if (!parts_.pieces->contains(id) || (*parts_.pieces)[id].empty()) continue;
    if (!keep_special && parts_.special[static_cast<size_t>(id)]) continue;
    const auto other = parts_.decoded_piece.find(id);
    tokens.emplace_back(other == parts_.decoded_piece.end() ? (*parts_.pieces)[id] : other->second);
  }
  if (tokens.empty()) return "";
  if (parts_.decoder) parts_.decoder->apply(tokens);
  std::string text;
  for (const std::string& token : tokens) {
    if (!parts_.decoder && &token != &tokens.front()) text += ' ';
    text += token;
  }
  return text;
}

std::string_view PipelineTokenizer::bytes(TokenId id, bool keep_special) const {
  if (!parts_.pieces->contains(id)) return {};
  if (parts_.special[static_cast<size_t>(id)]) return keep_special ? piece(id) : std::string_view();
  return (*parts_.bytes)[id];
}

std::string_view PipelineTokenizer::piece(TokenId id) const {
  return parts_.pieces->contains(id) ? (*parts_.pieces)[id] : std::string_view();
}

std::optional<TokenId> PipelineTokenizer::find(std::string_view piece) const {
  const TokenId id = parts_.by_piece.find(piece);
  return id == kNoToken ? std::nullopt : std::optional(id);
}

}  // namespace orrery::text
