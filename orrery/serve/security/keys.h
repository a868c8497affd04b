// API keys: who may ask, and how often.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::serve {

using KeyHash = std::array<unsigned char, 32>;  ///< SHA-256

/// A file of keys has one a line: NAME HASH [REQUESTS_PER_MINUTE [TOKENS_PER_MINUTE]], hash in hexadecimal, - or
/// nothing for no limit; # begins a comment. Keys themselves are in no file: they are 32 random bytes, so that a plain
/// hash is as good as a slow one.
struct ApiKey {
  std::string name;
  KeyHash hash{};
  int64_t requests_per_minute = 0, tokens_per_minute = 0;  ///< 0: no limit
};

/// Throws Error naming the line that is wrong, two keys of one name, and a file that others may write.
std::vector<ApiKey> read_keys(const std::filesystem::path& file);

/// A new key, and the line for the file.
struct NewKey {
  std::string key, line;
};
/// Throws Error for a name that cannot stand in a file or a log: 1 to 64 letters, digits, _ . -
NewKey make_key(const std::string& name);

/// Whoever presents a key. Used in the server's thread only.
class KeyRing {
 public:
  explicit KeyRing(std::vector<ApiKey> keys);

  bool empty() const { return keys_.empty(); }
  /// The index of a key; nothing where it is not known. Looks at all keys, in a time that does not depend on them.
  std::optional<size_t> find(std::string_view key) const;
  const std::string& name(size_t key) const { return keys_[key].name; }

  using Clock = std::chrono::steady_clock;
  /// Counts a request. Where the key has had its share: the seconds until it gets more.
  std::optional<int> take_request(size_t key, Clock::time_point now);
  /// Counts tokens after the fact: the next request waits for them.
  void take_tokens(std::string_view name, int64_t tokens, Clock::time_point now);

  /// Other keys; those of the same name keep what they have used.
  void replace(std::vector<ApiKey> keys);

 private:
  /// A bucket that fills at an even rate, and holds a minute's share.
  struct Bucket {
    double used = 0;
    Clock::time_point since{};
    void drain(double per_minute, Clock::time_point now);
  };
  struct Entry : ApiKey {
    Bucket requests, tokens;
  };
  std::vector<Entry> keys_;
};

}  // namespace orrery::serve
