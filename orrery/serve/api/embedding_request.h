// OpenAI's embeddings: the request.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace orrery::serve {

struct EmbeddingRequest {
  /// Throws Refusal naming the field that is wrong, or not supported.
  explicit EmbeddingRequest(const nlohmann::ordered_json& body);

  std::string model;
  std::vector<nlohmann::ordered_json> inputs;  ///< each a string, or a list of token ids
  bool base64 = false;                         ///< encoding_format
  std::optional<int64_t> dimensions;
};

}  // namespace orrery::serve
