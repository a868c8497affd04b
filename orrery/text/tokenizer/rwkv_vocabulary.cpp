// rwkv_vocab_v20230424.txt (BlinkDL/ChatRWKV, tokenizer/): "257 'Hello' 5" and "129 b'\x80' 1", a line each.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/text/tokenizer/rwkv.h"
#include "orrery/text/tokenizer/special_names.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

constexpr int64_t kMaxWords = 1 << 20;
constexpr TokenId kEndOfText = 0;

struct Place {
  const std::string& file;
  int64_t line;

  [[noreturn]] void refuse(std::string found, std::string expected) const {
    throw Error({.doing = "read an RWKV vocabulary",
                 .where = fmt::format("{}, line {}", file, line),
                 .found = std::move(found),
                 .expected = std::move(expected)});
  }
};

/// Digits of a number in `base`, all of `text`; nullopt for anything else.
std::optional<uint32_t> number(std::string_view text, int base) {
  uint32_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return code == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

/// A Python literal of str or bytes, as repr() writes it.
class Literal {
 public:
  Literal(std::string_view text, const Place& place) : text_(text), place_(place) {}

  std::string read() {
    const bool bytes = text_.starts_with('b');
    if (bytes) text_.remove_prefix(1);
    if (text_.size() < 2 || (text_[0] != '\'' && text_[0] != '"') || text_.back() != text_[0]) fail();
    text_ = text_.substr(1, text_.size() - 2);
    while (!text_.empty()) {
      if (text_[0] == '\\') {
        read_escape(bytes);
      } else {
        out_ += text_[0];
        text_.remove_prefix(1);
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail() const { place_.refuse("no literal between the id and the length", "'text' or b'bytes'"); }

  void read_escape(bool bytes) {
    if (text_.size() < 2) fail();
    const char letter = text_[1];
    text_.remove_prefix(2);
    const size_t digits = letter == 'x' ? 2 : bytes ? 0 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    if (digits == 0) {
      const char* const found = std::ranges::find(kLetters, letter);
      if (found == std::end(kLetters)) fail();
      out_ += kMeanings[found - kLetters];
      return;
    }
    const std::optional<uint32_t> code = text_.size() < digits ? std::nullopt : number(text_.substr(0, digits), 16);
    if (!code || *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000)) fail();
    text_.remove_prefix(digits);
    bytes ? void(out_ += static_cast<char>(*code)) : append_utf8(out_, *code);
  }

  static constexpr char kLetters[] = {'n', 't', 'r', '\\', '\'', '"'};
  static constexpr char kMeanings[] = {'\n', '\t', '\r', '\\', '\'', '"'};
  std::string_view text_;
  const Place& place_;
  std::string out_;
};

std::unique_ptr<PipelineTokenizer> tokenizer_of(std::span<const std::string> words, std::optional<TokenId> end) {
  std::vector<std::string> pieces;
  for (const std::string& word : words) pieces.push_back(escape_rwkv(word));
  if (end) pieces[size_t(*end)] = "<|endoftext|>";
  PipelineTokenizer::Parts parts = build_rwkv(pieces, words);
  parts.special.assign(words.size(), false);
  if (end) parts.special[size_t(*end)] = true;
  parts.by_piece = PieceIndex(*parts.pieces, pieces.size());
  for (size_t i = 0; i < pieces.size(); ++i)
    if (!pieces[i].empty()) parts.by_piece.insert(static_cast<TokenId>(i));
  auto tokenizer = std::make_unique<PipelineTokenizer>(std::move(parts));
  tokenizer->eos = end;
  find_end_of_generation(*tokenizer, {});
  return tokenizer;
}

}  // namespace

std::string escape_rwkv(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    out += c == '\n'                    ? "\\n"
           : c == '\t'                  ? "\\t"
           : c == '\r'                  ? "\\r"
           : c == '\\'                  ? "\\\\"
           : code >= 0x20 && code < 127 ? std::string(1, c)
                                        : fmt::format("\\x{:02x}", code);
  }
  return out;
}

std::unique_ptr<Tokenizer> load_rwkv_vocabulary(std::string_view text, const std::string& name, int64_t vocab_size) {
  std::vector<std::string> words(1);
  Place place{name, 0};
  while (!text.empty()) {
    ++place.line;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const size_t first = line.find(' '), last = line.rfind(' ');
    if (first == last) place.refuse("fewer than three words", "an id, a literal and a number of bytes");
    const auto id = number(line.substr(0, first), 10), size = number(line.substr(last + 1), 10);
    if (!id || *id < words.size() || *id >= kMaxWords)
      place.refuse(fmt::format("id {}", id ? std::to_string(*id) : "that is no number"),
                   fmt::format("an id of {} to {}", words.size(), kMaxWords - 1));
    std::string word = Literal(line.substr(first + 1, last - first - 1), place).read();
    if (word.empty() || word.size() != size)
      place.refuse(fmt::format("a token of {} bytes", word.size()), "as many as the line says, 1 at least");
    words.resize(*id);
    words.push_back(std::move(word));
  }
  if (words.size() == 1) place.refuse("no token", "a line for each token");
  if (vocab_size > 0 && vocab_size < int64_t(words.size()))
    place.refuse(fmt::format("id {}", words.size() - 1), fmt::format("an id below the model's {}", vocab_size));
  words.resize(std::max(words.size(), size_t(std::min(vocab_size, kMaxWords))));
  return tokenizer_of(words, kEndOfText);
}

std::string write_rwkv_vocabulary(const Tokenizer& tokenizer) {
  std::string text;
  for (TokenId id = 0; id < tokenizer.size(); ++id) {
    const std::string_view bytes = tokenizer.bytes(id);
    if (bytes.empty() || id == kEndOfText) continue;
    text += fmt::format("{} b'", id);
    for (const char c : escape_rwkv(bytes)) text += c == '\'' ? "\\'" : std::string(1, c);
    text += fmt::format("' {}\n", bytes.size());
  }
  return text;
}

std::unique_ptr<Tokenizer> make_byte_tokenizer() {
  std::vector<std::string> words;
  for (int byte = 0; byte < 256; ++byte) words.emplace_back(1, static_cast<char>(byte));
  return tokenizer_of(words, std::nullopt);
}

}  // namespace orrery::text
