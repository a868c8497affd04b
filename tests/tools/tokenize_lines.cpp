// Tokenizes many texts in one process, for the scripts that compare with other tokenizers.
//   tokenize_lines TOKENIZER [special] < texts
// Each line of input is a text in hexadecimal; each line of output has the ids, a tab, and the ids decoded (special
// tokens kept), in hexadecimal, a tab, and the same through StreamDecoder. "special" adds the model's own tokens and
// parses those in the text.
#include <cstdio>
#include <iostream>
#include <string>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

void print_hex(const std::string& bytes) {
  for (unsigned char byte : bytes) std::printf("%02x", byte);
}

}  // namespace

int main(int argc, char** argv) {
  using orrery::text::Tokenizer;
  if (argc < 2) return std::fputs("usage: tokenize_lines TOKENIZER [special] < texts in hexadecimal\n", stderr), 2;
  const std::string path = argv[1];
  const bool special = argc > 2 && std::string(argv[2]) == "special";
  try {
    const auto tokenizer =
        path.ends_with(".gguf") ? Tokenizer::from_gguf(orrery::formats::GgufFile::open(path)) : Tokenizer::open(path);
    for (std::string line; std::getline(std::cin, line);) {
      const auto ids = tokenizer->encode(from_hex(line), {.add_special = special, .parse_special = special});
      for (auto id : ids) std::printf("%d ", id);
      std::printf("\t");
      print_hex(tokenizer->decode(ids, true));
      std::printf("\t");
      orrery::text::StreamDecoder stream(*tokenizer, true);
      std::string text;
      for (auto id : ids) text += stream.push(id);
      print_hex(text + stream.finish());
      std::printf("\n");
    }
  } catch (const orrery::Error& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 2;
  }
}
