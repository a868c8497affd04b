// Constrained output: GBNF (llama.cpp, grammars/README.md) and JSON Schema, applied to logits by a trie of the
// vocabulary.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// The bytes of every token as a trie, so that a mask costs the prefixes that a grammar allows, not one try per token.
/// Immutable; build it once per tokenizer and share it.
class TokenTrie;
std::shared_ptr<const TokenTrie> make_token_trie(const Tokenizer& tokenizer);

/// A grammar and where a text stands in it. Cheap to copy: the rules and the masks computed so far are shared, under a
/// lock, so that copies may live on different threads; one Grammar is not shared between threads.
///
/// Characters are Unicode code points; a token may end inside one. Special tokens have no characters: only <[id]> and
/// <text> match them. Nesting past 2,000 open rules is refused as if the grammar did not allow it.
class Grammar {
 public:
  /// Throws Error with line and column for a syntax error, an undefined rule, left recursion, or limits exceeded.
  static Grammar from_gbnf(std::string_view text, std::shared_ptr<const TokenTrie> trie,
                           std::string_view root = "root");
  /// Throws Error naming the JSON pointer of a keyword that is not supported; nothing in a schema is ignored silently.
  static Grammar from_json_schema(const nlohmann::ordered_json& schema, std::shared_ptr<const TokenTrie> trie);
  Grammar(const Grammar&);
  Grammar(Grammar&&) noexcept;
  Grammar& operator=(Grammar&&) noexcept;
  ~Grammar();

  /// Sets logits of tokens that cannot come next to -inf. End-of-generation tokens are allowed where the text may end.
  void mask(std::span<float> logits);
  /// Moves past a token; it must be one that mask() left. Throws Error otherwise.
  void accept(TokenId token);
  bool may_end() const;   ///< the text so far is complete
  bool must_end() const;  ///< nothing can follow

 private:
  struct Impl;
  explicit Grammar(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What a schema may say (draft 2020-12, and draft 7's `definitions` and `items` as an array); all else is an Error:
///   any      type (one or several), enum, const, anyOf, oneOf (read as anyOf), allOf (merged), $ref into the schema
///   itself, recursive
///            too, and the annotations title, description, default, examples, $schema, $id, $comment, deprecated,
///            readOnly, writeOnly
///   object   properties, required, additionalProperties · array: items, prefixItems, minItems, maxItems
///   string   minLength and maxLength, in code points, or pattern, or format: date, time, date-time, uuid, email, ipv4
///   number   minimum, maximum, exclusiveMinimum, exclusiveMaximum, exact for integers and for decimals
/// The grammar is narrower than the schema, never wider, where that keeps answers short: properties come in declared
/// order; further ones only where additionalProperties allows them in so many words, or nothing is said about
/// properties at all; a tuple is whole unless minItems says otherwise; numbers with a limit have no exponent, integers
/// no point; whitespace is one blank, or a newline and up to 20 blanks, as llama.cpp has it. A further property may
/// repeat an earlier further one: no grammar can tell. `oneOf` does not refuse what several of its schemas match.

/// The GBNF text of a JSON schema, for people to read and for `orrery run --json-schema`.
std::string gbnf_from_json_schema(const nlohmann::ordered_json& schema);

}  // namespace orrery::text
