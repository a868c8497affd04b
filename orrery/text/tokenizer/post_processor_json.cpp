#include "orrery/text/tokenizer/post_processor_json.h"

namespace orrery::text {

namespace {

TokenId checked_id(const JsonView& json, int64_t size) {
  const int64_t id = json.integer();
  if (id < 0 || id >= size) json.fail(std::to_string(id), "an id below " + std::to_string(size));
  return static_cast<TokenId>(id);
}

SurroundingTokens from_template(const JsonView& json, int64_t size) {
  SurroundingTokens around;
  bool text_seen = false;
  const auto specials = json.find("special_tokens");
  for (const JsonView& item : json.at("single").elements()) {
    const auto special = item.find("SpecialToken");
    if (!special) {
      item.at("Sequence");
      text_seen = true;
      continue;
    }
    const std::string& name = special->at("id").string();
    if (!specials) json.fail("no special_tokens", "the ids of " + name);
    for (const JsonView& id : specials->at(name.c_str()).at("ids").elements()) {
      (text_seen ? around.after : around.before).push_back(checked_id(id, size));
    }
  }
  return around;
}

/// {"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]}.
TokenId id_of_pair(const JsonView& json, int64_t size) {
  const auto pair = json.elements();
  if (pair.size() != 2) json.fail(std::to_string(pair.size()) + " elements", "a token and its id");
  return checked_id(pair[1], size);
}

}  // namespace

SurroundingTokens post_processor_from_json(const JsonView& json, int64_t size, int depth) {
  const std::string& type = json.at("type").string();
  if (type == "TemplateProcessing") return from_template(json, size);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return {{id_of_pair(json.at("cls"), size)}, {id_of_pair(json.at("sep"), size)}};
  }
  if (type == "ByteLevel") return {};
  if (type == "Sequence") {
    if (depth == kMaxJsonNesting) json.fail("sequences nested too deeply", "a flat list");
    SurroundingTokens all;
    for (const JsonView& part : json.at("processors").elements()) {
      const SurroundingTokens one = post_processor_from_json(part, size, depth + 1);
      all.before.insert(all.before.begin(), one.before.begin(), one.before.end());
      all.after.insert(all.after.end(), one.after.begin(), one.after.end());
    }
    return all;
  }
  json.fail("the post-processor " + type,
            "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or Sequence");
}

}  // namespace orrery::text
