// A text's embedding, and how JSON writes it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "orrery/serve/models/model.h"

namespace orrery::serve {

/// The mean of the model's hidden states behind its last norm, over all tokens, scaled to the length 1 (mean pooling:
/// Reimers & Gurevych 2019, "Sentence-BERT"). [hidden_size] Waits until the engine runs no request.
std::vector<float> embedding(Model& model, std::span<const text::TokenId> tokens);

/// [0.1,…]
std::string float_list(std::span<const float> values);

}  // namespace orrery::serve
