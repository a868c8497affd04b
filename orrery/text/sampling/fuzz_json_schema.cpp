#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/sampling/gbnf.h"
#include "orrery/text/sampling/grammar.h"
#include "tests/text/sampling/toy_tokenizer.h"

using namespace orrery::text;

// What is made of a schema is always a grammar that can be read; it may be too large, or match nothing.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto trie = make_token_trie(ToyTokenizer());
  const auto schema = nlohmann::ordered_json::parse(data, data + size, nullptr, /*allow_exceptions=*/false);
  if (schema.is_discarded()) return 0;
  std::string gbnf;
  try {
    gbnf = gbnf_from_json_schema(schema);
  } catch (const orrery::Error&) {
    return 0;
  }
  try {
    Grammar::from_gbnf(gbnf, trie);
  } catch (const orrery::Error& error) {
    const std::string_view what = error.what();
    if (what.find("500,000 states") != what.npos || what.find("no finite text") != what.npos) return 0;
    std::fprintf(stderr, "%s\nof the schema %s\n", error.what(), schema.dump(-1, ' ', true).c_str());
    abort();
  }
  return 0;
}
