// A model's settings in GGUF metadata: the keys "ARCHITECTURE.name".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"

namespace orrery::text {

/// Typed reading, with the same errors as ConfigJson's. Keys are given without the architecture: "rope.freq_base".
class GgufConfig {
 public:
  /// Reads general.architecture; Error when it is absent. `file` must outlive the config.
  GgufConfig(const formats::GgufFile& file, std::string where);

  const std::string& architecture() const { return architecture_; }
  const formats::GgufFile& file() const { return file_; }
  const std::string& where() const { return where_; }

  bool has(std::string_view key) const;
  int64_t integer(std::string_view key, int64_t fallback) const;
  /// A size: from 1 to 2^31 - 1.
  int64_t size(std::string_view key) const;
  int64_t size(std::string_view key, int64_t fallback) const;
  double number(std::string_view key, double fallback) const;
  /// More than 0 and finite.
  double positive(std::string_view key, double fallback) const;
  /// A list of booleans as 0 and 1; empty when the key is absent or has one value.
  std::vector<int64_t> flags(std::string_view key) const;
  std::string string(std::string_view key, const std::string& fallback) const;
  /// The Error "cannot open a language model: FILE, ARCHITECTURE.KEY: found …, expected …".
  Error error(std::string_view key, std::string found, std::string expected) const;

 private:
  std::string full(std::string_view key) const { return architecture_ + "." + std::string(key); }

  const formats::GgufFile& file_;
  std::string where_, architecture_;
};

}  // namespace orrery::text
