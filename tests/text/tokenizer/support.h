// What the tokenizer tests share.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/tokenizer/tokenizer.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(ORRERY_SOURCE_DIR) / "tests/fixtures/tokenizer" / name;
}

/// The message of the Error that `action` throws; "no error" when it returns.
inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// The tokenizer of a GGUF file with these keys and no tensors.
inline std::unique_ptr<Tokenizer> tokenizer_of(const formats::GgufMetadata& metadata) {
  const auto path = std::filesystem::temp_directory_path() / ("orrery-tokenizer-" + std::to_string(getpid()) + ".gguf");
  formats::write_gguf(path, metadata, {});
  const auto file = formats::GgufFile::open(path);
  std::filesystem::remove(path);  // it stays mapped
  return Tokenizer::from_gguf(file);
}

/// Characters that pre-tokenizers tell apart, in runs.
inline std::string random_text(std::mt19937& random, size_t pieces = 20) {
  static const std::vector<std::string> kPieces = {
      "a",    "B",      "word",   "Word",       "WORD",       "camelCase",  "é",          "ß",          "İ",
      "ſ",    "ǅ",      "字",     "ー",         "ん",         "한",         "ʰ",          "1",          "22",
      "333",  "٣",      "Ⅷ",      "²",          " ",          " ",          "  ",         "\n",         "\r\n",
      "\t",   "\u00a0", "\u3000", "\u0085",     "\u2028",     "\u180e",     "'s",         "'S",         "'ll",
      "'LL",  "'t",     "'re",    "'",          "!",          "?!",         "...",        "/",          "//",
      "_",    "$",      "+=",     "€",          "\u0301",     "\u0308",     "\u200d",     "😀",          "\U0001F1FA",
      "\x01", "\x7f",   "\ufeff", "\U00031350", "\U00010D50", "\U00010D40", "\U0001E5FF", "\U000E0001", "\U0010FFFF"};
  std::string text;
  for (size_t i = random() % pieces; i > 0; --i) {
    const std::string& piece = kPieces[random() % kPieces.size()];
    for (size_t times = random() % 6 == 0 ? 1 + random() % 5 : 1; times > 0; --times) text += piece;
  }
  return text;
}

}  // namespace orrery::text
