// JSON from untrusted files, event by event: nothing is kept but what the derived class keeps, and what it did not ask
// for is refused.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "orrery/formats/bytes.h"

namespace orrery::formats {

/// Refuses every event; a format's reader overrides those that its schema has. Errors go through the reader's fail().
class StrictJson : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit StrictJson(ByteReader& reader) : reader_(reader) {}

  /// Runs over the whole text. Throws Error.
  void run(std::string_view text) {
    check_strings(text);
    nlohmann::json::sax_parse(text, this);
  }

  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("a bool"); }
  bool number_integer(number_integer_t value) override { refuse("the number " + std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { refuse("the number " + std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { refuse("the number " + text.substr(0, 40)); }
  bool string(string_t& text) override { refuse("the string " + printable(text)); }
  bool binary(binary_t&) override { refuse("binary data"); }
  bool start_object(size_t) override { refuse("an object"); }
  bool end_object() override { return true; }
  bool key(string_t& text) override { refuse("the key " + printable(text)); }
  bool start_array(size_t) override { refuse("an array"); }
  bool end_array() override { return true; }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    (void)error;
    reader_.fail("JSON", "a syntax error at byte " + std::to_string(position), "valid JSON");
  }

 protected:
  /// Where in the document we are and what may stand there, for messages.
  virtual std::string place() const = 0;
  virtual std::string expected() const = 0;
  [[noreturn]] void refuse(std::string found) const { reader_.fail(place(), std::move(found), expected()); }

  ByteReader& reader_;

 private:
  /// nlohmann's lexer holds a token several times over, so that a long one must be refused before it starts.
  void check_strings(std::string_view text) const {
    constexpr size_t kLongest = 6 << 20;
    bool in_string = false;
    for (size_t i = 0, start = 0; i < text.size(); ++i) {
      if (in_string && text[i] == '\\') {
        ++i;
      } else if (text[i] == '"') {
        in_string = !in_string;
        start = i;
      } else if (!in_string && std::string_view(",:[]{} \t\r\n").find(text[i]) != std::string_view::npos) {
        start = i;
      }
      if (i - start > kLongest) {
        reader_.fail("JSON", "a string of more than " + std::to_string(kLongest) + " bytes", "a shorter one");
      }
    }
  }
};

}  // namespace orrery::formats
