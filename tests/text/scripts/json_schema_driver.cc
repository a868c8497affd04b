// For json_schema_check.py. Each line in: {"schema", "documents": [text], "count", "seed"}; each line out: {"error"} or
// {"accepts": [bool per document], "texts": [`count` random texts that the masks lead to, null for one that did not
// end]}.
//
//   g++ -std=c++20 -O2 -I. tests/text/scripts/json_schema_driver.cc build/orrery/text/liborrery_text.a
//     build/orrery/base/liborrery_base.a -lgtest -lfmt -lpthread -o json_schema_driver
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/text/sampling/grammar_helpers.h"

using namespace orrery::text;
using Json = nlohmann::ordered_json;

int main() {
  const ToyTokenizer tokenizer = tokenizer_with_pieces();
  const auto trie = make_token_trie(tokenizer);
  for (std::string line; std::getline(std::cin, line);) {
    const Json job = Json::parse(line);
    Json out;
    try {
      const Grammar grammar = Grammar::from_json_schema(job["schema"], trie);
      std::mt19937 random(job["seed"].get<uint32_t>());
      out["accepts"] = Json::array();
      for (const std::string document : job["documents"])
        out["accepts"].push_back(accepts(grammar, tokenizer, document, random));
      out["texts"] = Json::array();
      for (int i = 0; i < job["count"].get<int>(); ++i) {
        const auto text = random_text(grammar, tokenizer, random);
        out["texts"].push_back(text ? Json(*text) : Json());
      }
    } catch (const orrery::Error& error) {
      out = {{"error", error.what()}};
    }
    std::cout << out.dump() << std::endl;
  }
}
