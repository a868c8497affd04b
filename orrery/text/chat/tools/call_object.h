// A call written as a JSON object, byte by byte.
#pragma once

#include <string>
#include <string_view>

#include "orrery/text/chat/tools/json_scanner.h"

namespace orrery::text {

/// Reads {"name": …, "arguments": {…}} and tells the arguments' bytes from the rest. Keys come in any order; further
/// ones are read over, but in a bare object only "type" and "id" may be there. The first of equal keys counts.
class CallObject {
 public:
  /// Names longer than this, in bytes as written, are refused.
  static constexpr size_t kMaxName = 256;

  /// `name_key`: the name may stand under it too ("tool_name").
  CallObject(std::string name_key, bool bare) : name_key_(std::move(name_key)), bare_(bare) {}

  enum class Step { kMore, kArguments, kDone, kBad };
  /// The bytes from { on. kArguments: this byte belongs to the arguments, and the call goes on; kDone: it was the
  /// object's last. kBad, byte not taken: no call, for it is no JSON, lacks a name, or has arguments that are no
  /// object.
  Step push(char c);

  const std::string& name() const { return name_; }  ///< empty until it is known
  bool has_arguments() const { return has_arguments_; }

 private:
  enum class At { kBrace, kFirstKey, kKey, kKeyText, kColon, kValue, kComma };
  enum class Value { kName, kArguments, kOther };

  Step end_of_key();
  Step value(char c);
  Step after_value(char c);

  std::string name_key_;
  bool bare_;
  At at_ = At::kBrace;
  Value value_ = Value::kOther;
  bool value_began_ = false;
  JsonScanner scanner_;
  std::string text_;  // of a key or the name, as JSON
  std::string name_;
  bool has_arguments_ = false;
};

/// True for what may be a tool's name: letters, digits, _ - . : / and what is not ASCII; not empty.
bool is_call_name(std::string_view name);

}  // namespace orrery::text
