// Prompts that ask a code model to fill a gap: what llama.cpp's /infill and OpenAI's `suffix` are made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orrery/text/infill/fim_tokens.h"

namespace orrery::text {

struct FimFile {
  std::string filename, text;
};

/// llama.cpp's names are input_prefix, input_suffix, prompt and input_extra.
struct FimRequest {
  std::string prefix, suffix;  ///< the text before and behind the gap
  std::string middle;          ///< how the gap's text begins, already known: the answer goes on from it
  std::vector<FimFile> extra;  ///< other files, or pieces of them
  std::string repo_name = "myproject",
              filename = "filename";  ///< written where there are extra files, as llama.cpp does
};

/// How many tokens are kept of each part at most; -1: all. The end of the prefix is kept, the beginning of the suffix,
/// and the end of the extra files.
struct FimLimits {
  int64_t prefix = -1, suffix = -1, extra = -1;
};

struct FimPrompt {
  std::vector<TokenId> tokens;
  int64_t dropped_prefix = 0, dropped_suffix = 0, dropped_extra = 0;  ///< tokens that the limits left out
};

/// The limits that llama.cpp's server sets for /infill: three quarters of a batch for the prefix, one for the suffix
/// (without 2 tokens and the middle's), and for the extra files what a context has beside a batch and twice the answer
/// (`max_tokens`; none where it is negative).
FimLimits llama_cpp_fim_limits(int64_t batch, int64_t context, int64_t max_tokens, int64_t middle_tokens);

/// BOS where the model wants one; the extra files; the gap's texts in the model's order (`tokens.order`), without
/// further blanks: what SentencePiece puts before a text goes before the prefix only.
///
/// Extra files, where the model has a token for files: repo token, repo_name, then file token, filename, newline, text
/// of each, and last the file token, `filename` and a newline, before the gap (Qwen2.5-Coder, arXiv 2409.12186, and
/// StarCoder 2, arXiv 2402.19173). Where it has none each text follows "\n\n--- snippet ---\n\n". Without extra files
/// nothing of this is written: models are taught single files so (llama.cpp writes the header all the same).
/// `middle` joins the end of the prefix, as llama.cpp does it, though its documentation says otherwise.
///
/// Nothing in the texts is read as a special token (Tokenizer::EncodeOptions::parse_special).
FimPrompt fim_prompt(const Tokenizer& tokenizer, const FimTokens& tokens, const FimRequest& request,
                     const FimLimits& limits = {});

}  // namespace orrery::text
