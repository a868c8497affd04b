// config.json of a tiny model of safari's, for write_tiny_model().
#pragma once

#include "tests/text/tiny_model.h"

namespace orrery::text {

/// d_model 48, 2 layers, vocabulary 97 padded to 104, filters of 128 tokens. `changes` are merged into its
/// model_config.
inline nlohmann::json hyena_config(const nlohmann::json& changes = {}) {
  nlohmann::json config = {{"_name_", "lm"},
                           {"d_model", 48},
                           {"n_layer", 2},
                           {"d_inner", 64},
                           {"vocab_size", 97},
                           {"pad_vocab_size_multiple", 8},
                           {"layer",
                            {{"_name_", "hyena"},
                             {"emb_dim", 5},
                             {"filter_order", 16},
                             {"local_order", 3},
                             {"l_max", 128},
                             {"modulate", false}}}};
  if (!changes.is_null()) config.merge_patch(changes);
  return {{"model_type", "hyena"}, {"model_config", config}};
}

}  // namespace orrery::text
