// What the tests of training data share: files of rows, real data, and a real tokenizer.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/align/preferences.h"
#include "orrery/align/rows.h"
#include "orrery/base/error.h"
#include "orrery/text/chat/chat.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::align {

inline const std::filesystem::path kShared = std::filesystem::path(ORRERY_SOURCE_DIR).parent_path() / "shared" / "data";

/// A file of this test's own, gone with the object.
struct File {
  explicit File(const std::string& text)
      : path(std::filesystem::path(testing::TempDir()) / ("records-" + std::to_string(getpid()) + ".jsonl")) {
    std::ofstream(path, std::ios::binary) << text;
  }
  ~File() { std::filesystem::remove(path); }
  const std::filesystem::path path;
};

/// The preferences in a file of this text.
inline Rows<Preference> pairs(const std::string& text) { return read_preferences(File(text).path); }

/// Each bad row's place is the expected one and its reason has the expected part in it.
inline void expect_bad(const std::vector<BadRow>& bad, const std::vector<std::pair<int64_t, std::string>>& expected) {
  ASSERT_EQ(bad.size(), expected.size());
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(bad[i].place, expected[i].first);
    EXPECT_NE(bad[i].reason.find(expected[i].second), std::string::npos) << bad[i].place << ": " << bad[i].reason;
  }
}

/// A token is a byte, 256 is "<s>", which begins texts where `with_bos`, and 257 is "</s>", which ends them.
class ByteTokenizer final : public text::Tokenizer {
 public:
  explicit ByteTokenizer(bool with_bos) {
    bos = 256, eos = 257;
    end_of_generation = {257};
    add_bos = with_bos;
  }
  using text::Tokenizer::encode;
  std::vector<text::TokenId> encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<text::TokenId> ids;
    if (add_bos && options.add_special) ids.push_back(*bos);
    for (size_t at = 0; at < text.size();) {
      const bool end = text.substr(at).starts_with(pieces_[257]);
      ids.push_back(end ? 257 : static_cast<unsigned char>(text[at]));
      at += end ? pieces_[257].size() : 1;
    }
    return ids;
  }
  std::string decode(std::span<const text::TokenId> ids, bool keep_special) const override {
    std::string text;
    for (const text::TokenId id : ids) text += bytes(id, keep_special);
    return text;
  }
  std::string_view bytes(text::TokenId id, bool keep_special) const override {
    return is_special(id) && !keep_special ? std::string_view() : pieces_[static_cast<size_t>(id)];
  }
  int64_t size() const override { return 258; }
  bool is_special(text::TokenId id) const override { return id >= 256; }
  std::optional<text::TokenId> find(std::string_view) const override { return std::nullopt; }
  std::string_view piece(text::TokenId id) const override { return pieces_[static_cast<size_t>(id)]; }

 private:
  const std::vector<std::string> pieces_ = [] {
    std::vector<std::string> all;
    for (int byte = 0; byte < 256; ++byte) all.emplace_back(1, static_cast<char>(byte));
    all.insert(all.end(), {"<s>", "</s>"});
    return all;
  }();
};

/// Tests with SmolLM2's tokenizer and chat template; skipped where the model is not in the cache.
class WithSmolLm2 : public testing::Test {
 protected:
  void SetUp() override {
    try {
      checkpoint_ = text::Checkpoint::open("smollm2");
    } catch (const Error&) {
      GTEST_SKIP() << "needs the model smollm2 in the cache";
    }
    chat_ = std::make_unique<text::Chat>(tokenizer());
  }
  const text::Tokenizer& tokenizer() const { return checkpoint_->tokenizer(); }
  const text::Chat& chat() const { return *chat_; }
  std::string text_of(const std::vector<text::TokenId>& tokens) const { return tokenizer().decode(tokens, true); }

 private:
  std::shared_ptr<const text::Checkpoint> checkpoint_;
  std::unique_ptr<text::Chat> chat_;
};

}  // namespace orrery::align
