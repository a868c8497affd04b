// The files beside a tokenizer in a hub folder: tokenizer_config.json, special_tokens_map.json, added_tokens.json,
// generation_config.json, chat_template.jinja.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "orrery/text/tokenizer/added_tokens.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

struct HubConfig {
  std::string bos, eos, unk, pad;  ///< tokens' texts; empty where not given
  std::optional<bool> add_bos, add_eos;
  std::string chat_template;
  std::vector<AddedToken> added;  ///< added_tokens_decoder and added_tokens.json, ascending ids
  std::vector<TokenId> eos_ids;   ///< generation_config.json
};

/// Reads what is there; absent files and fields stay empty. Throws Error naming the file and field of what is
/// malformed.
HubConfig read_hub_config(const std::filesystem::path& folder);

/// Sets bos, eos, unk, pad, chat_template and end_of_generation.
void apply_hub_config(const HubConfig& config, Tokenizer& tokenizer);

}  // namespace orrery::text
