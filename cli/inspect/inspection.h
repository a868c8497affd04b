// What a file holds, as one JSON document; the text report is made from it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace orrery::cli {

/// {"path", "format", "file_bytes", and where it is a language model "model", "memory", "tokenizer"; an adapter,
/// "adapter" (adapter.h); neither, "problem" says why; "metadata", "tensors": [{"name", "dtype", "shape", "bytes"}]}.
/// Metadata arrays of more than 16 are cut unless `all`, to
/// {"length", "first"}. Throws Error for what is no file that any reader knows.
nlohmann::ordered_json inspect_model(const std::string& model, bool all);

/// For people: like tensors of all layers on one line unless `all`.
std::string inspection_text(const nlohmann::ordered_json& inspection, bool all);

}  // namespace orrery::cli
