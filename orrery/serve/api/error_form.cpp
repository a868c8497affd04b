#include "orrery/serve/api/error_form.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "orrery/base/log.h"
#include "orrery/serve/api/json_text.h"
#include "orrery/serve/refusal.h"
#include "orrery/serve/store/store_error.h"

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

struct Facts {
  int status = 500;
  std::string message = "something went wrong in the server; its log says what", param, code;
  int retry_after = 0;
};

Facts facts_of(const std::exception& error) {
  if (const auto* refusal = dynamic_cast<const Refusal*>(&error))
    return {refusal->status, refusal->what(), refusal->param, refusal->code, refusal->retry_after};
  if (const auto* failure = dynamic_cast<const StoreError*>(&error)) {
    using Kind = StoreError::Kind;
    const bool invalid = failure->kind() == Kind::kInvalid;
    const int status = invalid                              ? 400
                       : failure->kind() == Kind::kNotFound ? 404
                       : failure->kind() == Kind::kConflict ? 409
                                                            : 503;
    return {status, failure->what(), invalid ? failure->parts().where : "", "", status == 503 ? 1 : 0};
  }
  if (const auto* mistake = dynamic_cast<const Error*>(&error)) return {400, mistake->what(), "", "", 0};
  log(LogLevel::kError, fmt::format("internal error, please report it: {}", error.what()));
  return {};
}

const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return "service_unavailable_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

Response openai(const Facts& facts) {
  const auto or_null = [](const std::string& text) { return text.empty() ? ordered_json() : ordered_json(text); };
  Response response{.status = facts.status,
                    .body = dumped({{"error",
                                     {{"message", facts.message},
                                      {"type", type_of(facts.status)},
                                      {"param", or_null(facts.param)},
                                      {"code", or_null(facts.code)}}}})};
  if (facts.retry_after > 0) response.headers.emplace_back("Retry-After", std::to_string(facts.retry_after));
  return response;
}

}  // namespace

Response openai_error(const std::exception& error) { return openai(facts_of(error)); }

Response openai_error(int status, const std::string& message, const std::string& code, const std::string& param) {
  return openai({status, message, param, code, status == 503 || status == 429 ? 1 : 0});
}

Response ollama_error(const std::exception& error) {
  const Facts facts = facts_of(error);
  Response response{.status = facts.status, .body = dumped({{"error", facts.message}})};
  if (facts.retry_after > 0) response.headers.emplace_back("Retry-After", std::to_string(facts.retry_after));
  return response;
}

}  // namespace orrery::serve
