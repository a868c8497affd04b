#include "orrery/serve/security/keys.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <span>
#include <sstream>

#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery::serve {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == '-';
  });
}

KeyHash hash_of(std::string_view key) {
  KeyHash hash;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
  return hash;
}

std::string hexadecimal(std::span<const unsigned char> bytes) {
  std::string text;
  for (unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

bool read_hash(const std::string& text, KeyHash& hash) {
  if (text.size() != 2 * hash.size()) return false;
  for (size_t i = 0; i < hash.size(); ++i) {
    const char* first = text.data() + 2 * i;
    if (std::from_chars(first, first + 2, hash[i], 16).ptr != first + 2) return false;
  }
  return true;
}

bool read_limit(const std::string& text, int64_t& limit) {
  if (text.empty() || text == "-") return true;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  return error == std::errc{} && end == text.data() + text.size() && limit > 0;
}

}  // namespace

std::vector<ApiKey> read_keys(const std::filesystem::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) != 0)
    throw Error({.doing = "read API keys",
                 .where = file.string(),
                 .found = "a file that everybody may write",
                 .advice = "chmod 600 " + file.string()});
  std::istringstream lines(read_text(file));
  std::vector<ApiKey> keys;
  std::set<std::string> names;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name, hash, requests, tokens, more;
    if (!(words >> name)) continue;
    words >> hash >> requests >> tokens >> more;
    const auto refuse = [&](const std::string& found, const std::string& expected) {
      throw Error({.doing = "read API keys",
                   .where = fmt::format("{}, line {}", file.string(), number),
                   .found = found,
                   .expected = expected,
                   .advice = "orrery serve --make-key NAME makes a key and its line"});
    };
    ApiKey key{.name = name};
    if (!is_name(name)) refuse("the name " + name, "letters, digits, _ . -");
    if (!names.insert(name).second) refuse("the name " + name + " a second time", "one key of each name");
    if (!read_hash(hash, key.hash)) refuse("\"" + hash + "\"", "a SHA-256 of 64 hexadecimal digits");
    if (!read_limit(requests, key.requests_per_minute) || !read_limit(tokens, key.tokens_per_minute) || !more.empty())
      refuse(line, "NAME HASH [REQUESTS_PER_MINUTE [TOKENS_PER_MINUTE]]");
    keys.push_back(std::move(key));
  }
  if (keys.empty())
    throw Error({.doing = "read API keys",
                 .where = file.string(),
                 .found = "no key",
                 .advice = "orrery serve --make-key NAME makes one"});
  return keys;
}

NewKey make_key(const std::string& name) {
  if (!is_name(name))
    throw Error({.doing = "make an API key",
                 .where = "--make-key",
                 .found = "\"" + name + "\"",
                 .expected = "1 to 64 letters, digits, _ . -"});
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), random.size()) != 1)
    throw Error({.doing = "make an API key", .found = "no random numbers from the system"});
  const std::string key = "sk-" + hexadecimal(random);
  return {key, fmt::format("{} {}", name, hexadecimal(hash_of(key)))};
}

KeyRing::KeyRing(std::vector<ApiKey> keys) { replace(std::move(keys)); }

std::optional<size_t> KeyRing::find(std::string_view key) const {
  const KeyHash hash = hash_of(key);
  std::optional<size_t> found;
  for (size_t i = 0; i < keys_.size(); ++i)
    if (CRYPTO_memcmp(keys_[i].hash.data(), hash.data(), hash.size()) == 0) found = i;
  return found;
}

void KeyRing::Bucket::drain(double per_minute, Clock::time_point now) {
  const double minutes = std::chrono::duration<double>(now - since).count() / 60;
  if (since != Clock::time_point{}) used = std::max(0.0, used - minutes * per_minute);
  since = now;
}

std::optional<int> KeyRing::take_request(size_t index, Clock::time_point now) {
  Entry& key = keys_[index];
  const auto seconds_until = [&](Bucket& bucket, int64_t per_minute, double more) {
    if (per_minute == 0) return 0.0;
    const auto rate = static_cast<double>(per_minute);
    bucket.drain(rate, now);
    return std::max(0.0, (bucket.used + more - rate) * 60 / rate);
  };
  const double wait = std::max(seconds_until(key.requests, key.requests_per_minute, 1),
                               seconds_until(key.tokens, key.tokens_per_minute, 0));
  if (wait > 0) return static_cast<int>(std::ceil(wait));
  key.requests.used += 1;
  return std::nullopt;
}

void KeyRing::take_tokens(std::string_view name, int64_t tokens, Clock::time_point now) {
  for (Entry& key : keys_) {
    if (key.name != name || key.tokens_per_minute == 0) continue;
    key.tokens.drain(static_cast<double>(key.tokens_per_minute), now);
    key.tokens.used += static_cast<double>(tokens);
  }
}

void KeyRing::replace(std::vector<ApiKey> keys) {
  std::vector<Entry> entries;
  for (ApiKey& key : keys) {
    Entry entry{std::move(key), {}, {}};
    for (const Entry& old : keys_) {
      if (old.name != entry.name) continue;
      entry.requests = old.requests;
      entry.tokens = old.tokens;
    }
    entries.push_back(std::move(entry));
  }
  keys_ = std::move(entries);
}

}  // namespace orrery::serve
