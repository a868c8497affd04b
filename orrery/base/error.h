// The one exception type of the project.
#pragma once

#include <exception>
#include <string>

namespace orrery {

/// What the user did or gave is wrong: `orrery` prints what() on one line and exits with 2. Our own bugs are asserts
/// instead.
///
///   throw Error({.doing = "read a GGUF file", .where = path + ", tensor token_embd.weight",
///                .found = "offset 912 past the end (880)", .expected = "an offset inside the file",
///                .advice = "the download may be incomplete: fetch it again"});
class Error : public std::exception {
 public:
  struct Parts {
    std::string doing;     ///< the task, in the infinitive: "read a GGUF file"
    std::string where;     ///< file, tensor, field, option; may be empty
    std::string found;     ///< what was there; may be empty
    std::string expected;  ///< what would have been right; may be empty
    std::string advice;    ///< what the user can do; may be empty
  };

  explicit Error(Parts parts);
  const char* what() const noexcept override { return message_.c_str(); }
  const Parts& parts() const { return parts_; }

 private:
  Parts parts_;
  std::string message_;
};

}  // namespace orrery
