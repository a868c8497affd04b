// Properties as huggingface/tokenizers' Rust crates have them, whose tables are of Unicode 8 and 9.
#pragma once

namespace orrery::text {

bool is_crate_punctuation(char32_t code);  ///< Punctuation and BertPreTokenizer: P, and ASCII's S
bool is_bert_other(char32_t code);         ///< what BertNormalizer cleans away besides white space: C and U+FFFD
bool is_bert_accent(char32_t code);        ///< what BertNormalizer strips: Mn
bool is_accent(char32_t code);             ///< what StripAccents strips: M

}  // namespace orrery::text
