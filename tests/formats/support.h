// What the format tests share: inputs, and the message of the Error that something throws.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/base/tensor_view.h"

namespace orrery::formats {

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// The message of the Error that `action` throws; "no error" when it returns.
inline std::string error_message(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

#define EXPECT_CONTAINS(text, part)                                                                                 \
  EXPECT_PRED_FORMAT2(                                                                                              \
      [](auto, auto, const std::string& t, std::string_view p) { return ::orrery::formats::contains(t, p); }, text, \
      part)

inline testing::AssertionResult contains(const std::string& text, std::string_view part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "\"" << text << "\" lacks \"" << part << "\"";
}

/// Equal names, types, shapes and bytes, in any order.
inline void expect_same_tensors(std::vector<TensorView> got, std::vector<TensorView> want) {
  const auto by_name = [](const TensorView& a, const TensorView& b) { return a.name < b.name; };
  std::sort(got.begin(), got.end(), by_name);
  std::sort(want.begin(), want.end(), by_name);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].name, want[i].name);
    EXPECT_EQ(name(got[i].dtype), name(want[i].dtype)) << want[i].name;
    EXPECT_EQ(got[i].shape, want[i].shape) << want[i].name;
    ASSERT_EQ(got[i].bytes, want[i].bytes) << want[i].name;
    if (want[i].bytes == 0) continue;
    EXPECT_EQ(std::memcmp(got[i].data, want[i].data, got[i].bytes), 0) << want[i].name;
  }
}

/// A folder of this test's own, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "orrery-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    AtomicFile file(path_ / name);
    file.write(text);
    file.commit();
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// A file or folder below ../shared; nullopt where there is none.
inline std::optional<std::filesystem::path> shared_path(const std::string& relative) {
  const std::filesystem::path path = std::filesystem::path(ORRERY_SOURCE_DIR) / "../shared" / relative;
  if (std::filesystem::exists(path)) return path;
  return std::nullopt;
}

/// A file of that name anywhere below the download cache ($XDG_CACHE_HOME/orrery or ~/.cache/orrery).
inline std::optional<std::filesystem::path> cached_model(const std::string& name) {
  namespace fs = std::filesystem;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path root = (cache ? fs::path(cache) : fs::path(home ? home : "/") / ".cache") / "orrery";
  std::error_code code;
  for (fs::recursive_directory_iterator it(root, code), end; !code && it != end; it.increment(code)) {
    if (it->path().filename() == name) return it->path();
  }
  return std::nullopt;
}

}  // namespace orrery::formats
