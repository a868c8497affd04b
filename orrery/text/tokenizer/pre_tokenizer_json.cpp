#include "orrery/text/tokenizer/pre_tokenizer_json.h"

#include "orrery/text/tokenizer/normalizer_json.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

constexpr int kMaxByteLevels = 4;  // each may double the text

/// The leaves of nested Sequences, in order.
void flatten_pre_tokenizers(const JsonView& json, std::vector<JsonView>& leaves, int depth = 0) {
  if (json.at("type").string() != "Sequence") {
    leaves.push_back(json);
    return;
  }
  if (depth == kMaxJsonNesting) json.fail("sequences nested too deeply", "a flat list");
  for (const JsonView& part : json.at("pretokenizers").elements()) flatten_pre_tokenizers(part, leaves, depth + 1);
}

SplitBehavior behavior_from_json(const JsonView& json) {
  const std::string& name = json.string();
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  json.fail(name, "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

PreTokenizerPtr metaspace_pre_tokenizer(const JsonView& json) {
  const std::string replacement = json.string("replacement", "\xE2\x96\x81");
  if (replacement.empty() || utf8_length(replacement[0]) != replacement.size()) {
    json.fail("the replacement \"" + replacement + "\"", "one character");
  }
  const std::string scheme = json.string("prepend_scheme", "always");
  Prepend prepend = scheme == "always"  ? Prepend::kAlways
                    : scheme == "first" ? Prepend::kFirst
                    : scheme == "never" ? Prepend::kNever
                                        : (json.fail(scheme, "always, first or never"), Prepend::kNever);
  if (!json.boolean("add_prefix_space", true)) prepend = Prepend::kNever;
  return make_metaspace(replacement, prepend, json.boolean("split", true));
}

PreTokenizerPtr stage_from_json(const JsonView& json, bool maps_bytes) {
  const std::string& type = json.at("type").string();
  if (type == "ByteLevel") {
    return make_byte_level(json.boolean("add_prefix_space", true), json.boolean("use_regex", true), maps_bytes);
  }
  if (type == "Split") {
    return make_split(pattern_from_json(json.at("pattern")), behavior_from_json(json.at("behavior")),
                      json.boolean("invert", false));
  }
  if (type == "Digits") return make_digits(json.boolean("individual_digits", false));
  if (type == "Metaspace") return metaspace_pre_tokenizer(json);
  if (type == "Whitespace") return make_whitespace();
  if (type == "WhitespaceSplit") return make_whitespace_split();
  if (type == "BertPreTokenizer") return make_bert();
  if (type == "Punctuation") {
    const auto behavior = json.find("behavior");
    return make_punctuation(behavior ? behavior_from_json(*behavior) : SplitBehavior::kIsolated);
  }
  if (type == "CharDelimiterSplit") {
    const JsonView delimiter = json.at("delimiter");
    if (delimiter.string().empty()) delimiter.fail("nothing", "one character");
    return make_char_delimiter(delimiter.string());
  }
  if (type == "FixedLength") {
    const JsonView length = json.at("length");
    if (length.integer() < 1) length.fail(std::to_string(length.integer()), "at least 1");
    return make_fixed_length(length.integer());
  }
  json.fail(
      "the pre-tokenizer " + type,
      "Sequence, ByteLevel, Split, Digits, Metaspace, Whitespace, WhitespaceSplit, Punctuation, BertPreTokenizer, "
      "CharDelimiterSplit or FixedLength");
}

}  // namespace

JsonPreTokenizer pre_tokenizer_from_json(const std::optional<JsonView>& json) {
  JsonPreTokenizer result;
  if (!json) return result;
  std::vector<JsonView> leaves;
  flatten_pre_tokenizers(*json, leaves);
  std::vector<PreTokenizerPtr> stages;
  int byte_levels = 0;
  for (const JsonView& leaf : leaves) {
    const bool last = &leaf == &leaves.back();
    const bool byte_level = leaf.at("type").string() == "ByteLevel";
    byte_levels += byte_level;
    if (byte_levels > kMaxByteLevels) leaf.fail("one more ByteLevel", "at most " + std::to_string(kMaxByteLevels));
    result.gives_bytes |= byte_level;
    // Stages behind a ByteLevel see its characters (Falcon's Digits does), so it maps, and the last step maps back.
    stages.push_back(stage_from_json(leaf, byte_level && !last));
    if (last && result.gives_bytes && !byte_level) stages.push_back(make_byte_level_bytes());
  }
  if (!stages.empty()) result.stages = make_sequence(std::move(stages));
  return result;
}

}  // namespace orrery::text
