// Which tokens of a record a model is to learn.
#pragma once

#include <string>
#include <vector>

#include "orrery/align/records.h"
#include "orrery/text/chat/chat.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::align {

struct LearnedTokens {
  std::vector<text::TokenId> tokens;
  std::vector<bool> learned;  ///< of each: whether it is a target
};

/// A conversation is what the chat template makes of it; the assistant's turns behind the messages that are given are
/// learned, each from behind the prompt that the template gives for it to the token that ends it, included. A token
/// that begins before a turn is none of it. Of a prompt and its completion, strings, everything from the first token is
/// learned that differs from the prompt's own (as in TRL: a token that both have a part in is learned), with an end of
/// text behind it unless it has one; of a text alone everything but a BOS. Throws Error where the template changes what
/// it wrote before when a conversation goes on, so that turns cannot be found.
LearnedTokens learned_tokens(const Record& record, const text::Tokenizer& tokenizer, const text::Chat& chat);

}  // namespace orrery::align
