#include "orrery/serve/api/embedding_request.h"

#include <cstdint>

#include "orrery/serve/api/prompts.h"

namespace orrery::serve {

namespace {
constexpr size_t kMostInputs = 2048;  // OpenAI's
}

EmbeddingRequest::EmbeddingRequest(const nlohmann::ordered_json& body) {
  Fields fields(body);
  model = fields.text("model").value_or("");
  inputs = read_prompts(fields, "input", kMostInputs);
  const std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64")
    fields.refuse("encoding_format", "\"" + format + "\"", "float or base64");
  base64 = format == "base64";
  dimensions = fields.integer("dimensions", 1, INT32_MAX);
  fields.ignore({"user"});
  fields.finish();
}

}  // namespace orrery::serve
