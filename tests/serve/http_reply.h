// An answer's bytes, read strictly.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace orrery::serve {

/// The first answer in what a server sent.
struct HttpReply {
  /// `to_head`: the request was HEAD, so that no body follows.
  HttpReply(std::string_view bytes, bool to_head);

  enum class State { kIncomplete, kComplete, kMalformed };
  State state = State::kIncomplete;
  std::string problem;                         ///< with kMalformed
  int status = 0;                              ///< 0: the header is incomplete
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;                            ///< chunks joined
  size_t size = 0;                             ///< bytes of it all, with kComplete

  /// What must not be: a status that says our fault or that nobody expects, JSON that is none, an error without a word.
  /// "" where all is fine. `bytes` incomplete: only what has come is judged.
  std::string fault() const;

 private:
  void read(std::string_view bytes, bool to_head);
};

}  // namespace orrery::serve
