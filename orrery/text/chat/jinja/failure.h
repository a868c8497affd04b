// How the interpreter reports trouble inside: a message without a place. The evaluator adds the place, ChatTemplate
// makes it an Error.
#pragma once

#include <exception>
#include <string>

namespace orrery::text::jinja {

struct Position {
  int line = 0;  ///< from 1; 0 is "not known yet"
  int column = 0;
};

class Failure : public std::exception {
 public:
  /// `raised_by_template`: the message is the template author's own (raise_exception).
  explicit Failure(std::string message, Position at = {}, bool raised_by_template = false)
      : message_(std::move(message)), at_(at), raised_by_template_(raised_by_template) {}
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& message() const { return message_; }
  Position at() const { return at_; }
  bool raised_by_template() const { return raised_by_template_; }
  /// The first place given wins: it is the innermost.
  void locate(Position at) {
    if (at_.line == 0) at_ = at;
  }

 private:
  std::string message_;
  Position at_;
  bool raised_by_template_;
};

}  // namespace orrery::text::jinja
