#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/text/sampling/grammar_helpers.h"

namespace orrery::text {

namespace {

using Json = nlohmann::ordered_json;

Json fixture() {
  std::ifstream file(std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures/sampling/json_schemas.json");
  return Json::parse(file);
}

}  // namespace

// "narrower": documents that the schema allows and the grammar, for brevity of the answer, does not (order, further
// properties). tests/text/scripts/json_schema_check.py holds every label against the PyPI package jsonschema.
TEST(JsonSchema, AcceptsValidDocumentsAndRefusesOthers) {
  const ToyTokenizer tokenizer = tokenizer_with_pieces();
  const auto trie = make_token_trie(tokenizer);
  std::mt19937 random(4);
  for (const auto& c : fixture()) {
    SCOPED_TRACE(c["schema"].dump());
    const Grammar grammar = Grammar::from_json_schema(c["schema"], trie);
    for (const std::string text : c["valid"]) EXPECT_TRUE(accepts(grammar, tokenizer, text, random)) << text;
    for (const std::string text : c["invalid"]) EXPECT_FALSE(accepts(grammar, tokenizer, text, random)) << text;
    if (!c.contains("narrower")) continue;
    for (const std::string text : c["narrower"]) EXPECT_FALSE(accepts(grammar, tokenizer, text, random)) << text;
  }
}

TEST(JsonSchema, WhatTheMasksLeadToIsJson) {
  const ToyTokenizer tokenizer = tokenizer_with_pieces();
  const auto trie = make_token_trie(tokenizer);
  std::mt19937 random(5);
  int ended = 0, all = 0;
  for (const auto& c : fixture()) {
    SCOPED_TRACE(c["schema"].dump());
    const Grammar grammar = Grammar::from_json_schema(c["schema"], trie);
    for (int i = 0; i < 20; ++i) {
      const auto text = random_text(grammar, tokenizer, random);
      ++all;
      if (!text) continue;
      ++ended;
      EXPECT_TRUE(Json::accept(*text)) << *text;
      EXPECT_TRUE(accepts(grammar, tokenizer, *text, random)) << *text;
    }
  }
  EXPECT_GT(ended, all * 9 / 10);
}

// Random ends; numbers at and around them, and of every length between.
TEST(JsonSchema, RangesAreExact) {
  const ToyTokenizer tokenizer;
  const auto trie = make_token_trie(tokenizer);
  std::mt19937 random(7);
  const auto matches = [&](const Grammar& grammar, const std::string& text) {
    Grammar copy = grammar;
    for (unsigned char byte : text)
      if (!accepted(copy, byte)) return false;
    return copy.may_end();
  };
  for (int round = 0; round < 150; ++round) {
    const int64_t span = std::array{20, 300, 5000, 2000000}[random() % 4];
    // In hundredths for numbers, so that all is exact.
    int64_t low = int64_t(random() % (2 * span)) - span, high = low + int64_t(random() % span);
    const bool integer = round % 2, low_open = random() % 2, high_open = random() % 2;
    const auto text_of = [integer](int64_t value) {
      std::string text = std::to_string(std::abs(value));
      if (!integer) {
        if (text.size() < 3) text.insert(0, 3 - text.size(), '0');
        text.insert(text.size() - 2, ".");
      }
      return value < 0 ? "-" + text : text;
    };
    const Json schema = {{"type", integer ? "integer" : "number"},
                         {low_open ? "exclusiveMinimum" : "minimum", Json::parse(text_of(low))},
                         {high_open ? "exclusiveMaximum" : "maximum", Json::parse(text_of(high))}};
    if (high - low <= 1) continue;  // may be empty
    SCOPED_TRACE(schema.dump());
    const Grammar grammar = Grammar::from_json_schema(schema, trie);
    std::vector<int64_t> values;
    for (int64_t around : {low, high, int64_t{0}, int64_t{10}, int64_t{1000}, int64_t{-100}})
      for (int64_t delta = -12; delta <= 12; ++delta) values.push_back(around + delta);
    for (int i = 0; i < 60; ++i) values.push_back(low - span + int64_t(random() % (4 * span)));
    for (int64_t value : values) {
      const bool inside = (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
      EXPECT_EQ(matches(grammar, text_of(value)), inside) << text_of(value);
    }
  }
}

TEST(JsonSchema, ErrorsNameThePointer) {
  const ToyTokenizer tokenizer;
  const auto trie = make_token_trie(tokenizer);
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"({"type": "array", "uniqueItems": true})", "#/uniqueItems: found a keyword that is not supported"},
      {R"({"properties": {"a/b": {"not": {}}}})", "#/properties/a~1b/not"},
      {R"({"patternProperties": {}})", "#/patternProperties"},
      {R"({"type": "object", "minProperties": 1})", "#/minProperties"},
      {R"({"type": "integer", "multipleOf": 2})", "#/multipleOf"},
      {R"({"type": "integer", "tpye": 2})", "#/tpye"},
      {R"({"type": "strin"})", "#/type: found \"strin\""},
      {R"({"type": []})", "#/type"},
      {R"({"type": 3})", "#/type"},
      {R"({"type": "string", "format": "uri"})", "#/format: found uri"},
      {R"({"type": "string", "pattern": "^(?=a)$"})", "#/pattern: found look-around"},
      {R"({"type": "string", "pattern": "(a"})", "#/pattern: found a ( without )"},
      {R"({"type": "string", "pattern": "a\\b"})", "#/pattern: found \\b"},
      {R"({"type": "string", "pattern": "a$b"})", "#/pattern: found an anchor inside"},
      {R"({"type": "string", "pattern": "a{2"})", "#/pattern"},
      {R"({"type": "string", "pattern": "a{,2}"})", "#/pattern"},
      {R"({"type": "string", "pattern": "a{6,4}"})", "#/pattern: found a repetition whose"},
      {R"({"type": "string", "pattern": "a{1000000}"})", "#/pattern: found a count"},
      {R"({"type": "string", "pattern": "[z-a]"})", "#/pattern"},
      {R"({"type": "string", "pattern": "a", "minLength": 1})", "#/pattern: found two ways"},
      {R"({"type": "string", "minLength": -1})", "#/minLength"},
      {R"({"type": "string", "minLength": 1.5})", "#/minLength"},
      {R"({"type": "string", "maxLength": 1000000})", "#/maxLength"},
      {R"({"type": "integer", "minimum": "1"})", "#/minimum"},
      {R"({"type": "number", "maximum": 1.01e-299})", "#/maximum: found a limit of 301 digits"},
      {R"({"type": "integer", "exclusiveMinimum": true})", "#/exclusiveMinimum"},
      {R"({"$ref": "https://example.org/x"})", "#/$ref: found https"},
      {R"({"$ref": "#/$defs/none"})", "#/$ref: found #/$defs/none"},
      {R"({"$ref": "#"})", "contains itself"},
      {R"({"anyOf": [{"$ref": "#"}, {"type": "null"}]})", "contains itself"},
      {R"({"allOf": [{"$ref": "#"}]})", "contains itself"},
      {R"({"anyOf": []})", "#/anyOf"},
      {R"({"allOf": 3})", "#/allOf"},
      {R"({"enum": []})", "#/enum"},
      {R"({"enum": ["abc"], "minLength": 1})", "enum or const together"},
      {R"({"minLength": 1, "minimum": 1})", "keywords of several types"},
      {R"({"type": "integer", "minimum": 5, "maximum": 4})", "no value satisfies"},
      {R"({"allOf": [{"type": "string"}, {"type": "null"}]})", "no value satisfies"},
      {R"({"allOf": [{"type": "string", "pattern": "a"}, {"pattern": "b"}]})", "#/allOf/1/pattern"},
      {R"({"type": "object", "properties": {"a": false}, "required": ["a"]})", "no value satisfies"},
      {R"({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})", "no finite text"},
      {R"(false)", "no value satisfies"},
      {R"(7)", "#: found 7"},
      {R"({"properties": {"a": 7}})", "#/properties/a: found 7"},
      {R"({"required": "a"})", "#/required"},
  };
  for (const auto& [schema, expected] : cases)
    expect_error([&] { Grammar::from_json_schema(Json::parse(schema), trie); }, expected, schema);
}

TEST(JsonSchema, HostileSchemasAreBounded) {
  const ToyTokenizer tokenizer;
  const auto trie = make_token_trie(tokenizer);
  Json deep = {{"type", "null"}};
  for (int i = 0; i < 1000; ++i) deep = {{"type", "array"}, {"items", deep}};
  Json wide = {{"allOf", Json::array()}};
  for (int i = 0; i < 40; ++i) wide["allOf"].push_back({{"anyOf", {{{"minLength", i}}, {{"maxLength", 100 + i}}}}});
  Json huge = {{"type", "array"}, {"items", {{"type", "string"}, {"minLength", 1000}}}, {"minItems", 100000}};
  const Json very_deep = Json::parse("{\"enum\": " + std::string(500000, '[') + std::string(500000, ']') + "}");
  for (const Json* schema : std::initializer_list<const Json*>{&deep, &wide, &huge, &very_deep})
    EXPECT_THROW(Grammar::from_json_schema(*schema, trie), Error);

  Json many = {{"type", "object"}, {"properties", Json::object()}};
  for (int i = 0; i < 300; ++i) many["properties"]["property_" + std::to_string(i)] = {{"type", "string"}};
  Grammar grammar = Grammar::from_json_schema(many, trie);
  std::mt19937 random(6);
  EXPECT_TRUE(accepts(grammar, tokenizer, R"({"property_7":"x","property_299":""})", random));
  EXPECT_FALSE(accepts(grammar, tokenizer, R"({"property_7":"x","property_6":""})", random));
}

}  // namespace orrery::text
