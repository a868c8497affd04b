// One JSON value, byte by byte: where it ends, and whether it is JSON at all.
#pragma once

#include <string>
#include <string_view>

namespace orrery::text {

/// Reads one value (RFC 8259) as its bytes come. Blanks before it belong to it; what is inside strings must be free of
/// control characters, and is not looked at otherwise. Constant time per byte.
class JsonScanner {
 public:
  static constexpr size_t kMaxDepth = 200;  ///< open objects and arrays; deeper is refused

  enum class Step {
    kMore,   ///< taken; the value goes on
    kDone,   ///< taken; it was the last byte
    kEnded,  ///< not taken: the value, a number, ended before this byte
    kBad,    ///< not taken: no JSON
  };
  /// Not to be called again after kDone, kEnded or kBad.
  Step push(char c);
  /// Forgets what was read.
  void reset() { *this = JsonScanner(); }

 private:
  enum class At { kValue, kFirstItem, kFirstKey, kKey, kColon, kAfterValue, kString, kEscape, kHex, kWord, kNumber };
  enum class Number { kMinus, kZero, kInteger, kPoint, kFraction, kE, kESign, kExponent };

  Step value(char c);
  Step after_value(char c);
  Step open(char bracket, At next);
  Step close(char bracket);
  Step number(char c);
  Step ended_value();

  At at_ = At::kValue;
  std::string open_;  // brackets
  bool key_ = false;  // the string being read is a key
  int hex_left_ = 0;
  std::string_view word_left_;  // of true, false, null
  Number number_ = Number::kMinus;
};

inline bool is_json_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace orrery::text
