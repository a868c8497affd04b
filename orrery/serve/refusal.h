// An Error with what HTTP needs to know of it.
#pragma once

#include <string>
#include <utility>

#include "orrery/base/error.h"

namespace orrery::serve {

/// A request that is not served. Any other Error is the client's too, and counts as a 400.
class Refusal : public Error {
 public:
  /// `param`: the field of the request that is to blame, as OpenAI writes it ("messages[2].content"); may be empty.
  /// `code`: what programs compare ("model_not_found"); may be empty.
  Refusal(int status, std::string param, Parts parts, std::string code = "")
      : Error(std::move(parts)), status(status), param(std::move(param)), code(std::move(code)) {}

  const int status;
  const std::string param, code;
  int retry_after = 0;  ///< seconds, with 429 and 503
};

}  // namespace orrery::serve
