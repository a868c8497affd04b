// Files of training data as they come: lists and lines, packed, damaged, hostile.
#include "orrery/align/row_reader.h"

#include <gtest/gtest.h>

#include <random>

#include "orrery/align/preferences.h"
#include "orrery/align/records.h"
#include "orrery/base/file.h"
#include "tests/align/support.h"

namespace orrery::align {
namespace {
namespace fs = std::filesystem;

using PlacedRows = std::vector<std::pair<int64_t, std::string>>;

PlacedRows rows_of_file(const fs::path& file) {
  PlacedRows rows;
  for_each_row(file, [&](std::string_view row, int64_t place) { rows.emplace_back(place, row); });
  return rows;
}
PlacedRows rows_of(const std::string& text) { return rows_of_file(File(text).path); }

std::string repeated(std::string_view part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST(RowReader, LinesAndListsHaveRows) {
  EXPECT_EQ(rows_of("\xEF\xBB\xBF{\"a\":1}\r\n\n  {\"b\":2}\n \n{\"c\":3}"),
            (PlacedRows{{1, "{\"a\":1}\r"}, {3, "  {\"b\":2}"}, {5, "{\"c\":3}"}}));
  EXPECT_EQ(rows_of("\n\n{}\n"), (PlacedRows{{3, "{}"}}));
  EXPECT_EQ(rows_of("\n [{\"a\": [1, {\"b\": 2}]},{\"c\":\"],\\\"}\\\\\"},3]\n"),
            (PlacedRows{{1, "{\"a\": [1, {\"b\": 2}]}"}, {2, "{\"c\":\"],\\\"}\\\\\"}"}, {3, "3"}}));
  EXPECT_EQ(rows_of("[1,]"), (PlacedRows{{1, "1"}, {2, ""}}));
  for (const char* none : {"", " \n", "[]", "[ \n]\n"}) EXPECT_TRUE(rows_of(none).empty()) << none;
}

TEST(RowReader, RowsMayCrossThePiecesOfAFile) {
  const std::string row = "{\"text\": \"" + repeated("0123456789", 70000) + "\"}";  // three pieces
  EXPECT_EQ(rows_of(row + "\n" + row), (PlacedRows{{1, row}, {2, row}}));
  EXPECT_EQ(rows_of("[" + row + "," + row + "]"), (PlacedRows{{1, row}, {2, row}}));
}

TEST(RowReader, AListThatDoesNotEndThereIsRefused) {
  const auto message = [](const std::string& text) {
    try {
      rows_of(text);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  for (const char* text : {"[", "[1", "[1,", "[\"]", "[[]", "[{\"a\": 1}"})
    EXPECT_NE(message(text).find("a list that does not end"), std::string::npos) << message(text);
  EXPECT_NE(message("[1]\n[2]").find("something behind the end of a list"), std::string::npos);
  EXPECT_NE(message("[1]").find("no error"), std::string::npos);
}

TEST(RowReader, PackedFilesAreReadAsTheyWere) {
  const fs::path folder = fs::path(ORRERY_SOURCE_DIR) / "tests/fixtures/corpus/gzip";
  const PlacedRows rows = rows_of_file(folder / "rows.gz");
  ASSERT_EQ(rows.size(), 40u);
  EXPECT_EQ(rows[39], (std::pair<int64_t, std::string>(40, R"({"prompt": "39 + 1 =", "completion": " 40"})")));
  EXPECT_EQ(rows_of_file(folder / "stored.gz"), (PlacedRows{{1, "1"}}));
  EXPECT_EQ(read_records(folder / "two-members").records.size(), 2u);
  std::string broken = read_text(folder / "rows.gz");
  broken.resize(broken.size() - 9);
  EXPECT_THROW(rows_of(broken), Error);
}

TEST(RowReader, HostileRowsAreBad) {
  const std::string deep = repeated("[", 1000000), nested = repeated("[", 100) + repeated("]", 100),
                    crowd = "{\"a0\":0" + repeated(",\"a\":0", 1000) + "}", fine = R"({"text": "fine"})";
  const auto with_tools = [](const std::string& tools) { return R"({"text": "x", "tools": )" + tools + "}"; };
  const std::vector<std::pair<std::string, std::string>> rows = {
      {with_tools(deep), "nested more than 100 levels deep"},
      {repeated("{\"a\":", 101) + "0" + repeated("}", 101), "nested more than 100 levels deep"},
      {with_tools(nested), "nested more than 100 levels deep"},
      {with_tools("\"[" + nested + "]\""), "nested more than 100 levels deep"},
      {R"({"conversations": [{"from": "function_call", "value": ")" + deep + "\"}]}", "nested more than 100 levels"},
      {with_tools(crowd), "an object of more than 1000 members"},
      {"{\"text\": \"" + repeated("a", 16 << 20) + "\"}", "longer than 16 MiB"},
      {"{\"text\": \"\xED\xA0\x80\"}", "it is no JSON: parse error at line 1, column 12"},  // a surrogate in UTF-8
      {"{\"text\": \"\xFF\"}", "it is no JSON"},
      {R"({"text": "\udc00"})", "surrogate"},
      {R"({"text": Infinity})", "it is no JSON"},
      {R"({"text": null})", "none of messages"},
      {R"({"messages": {"role": "user"}})", "messages is no list"},
      {R"({"messages": [null]})", "messages[0] has no role"},
      {R"({"messages": [{"role": 1, "content": "x"}]})", "messages[0] has no role"},
      {R"({"messages": [{"role": "assistant", "content": ""}]})", "nothing to learn"},
      {R"({"messages": [{"role": "assistant", "content": []}]})", "nothing to learn"},
      {R"({"messages": [{"role": "assistant", "tool_calls": []}]})", "messages[0] has no content"},
      {R"({"conversations": [{"from": [], "value": "x"}]})", "no from and value of strings"},
      {R"({"conversations": [{"from": "function_call", "value": "{"}]})", "it is no JSON"},
      {R"({"conversations": [{"from": "function_call", "value": "3"}]})", "neither an object nor a list"},
      {R"({"instruction": "a", "output": "b", "history": [["c"]]})", "history is no list of pairs"},
      {R"({"instruction": [], "output": "b"})", "instruction is array"},
      {R"({"text": "x", "tools": 3})", "tools is no list"},
      {"", ""},
  };
  std::string lines = fine + "\n", list = "[" + fine;
  std::vector<std::pair<int64_t, std::string>> expected;
  for (const auto& [row, reason] : rows) {
    lines += row + "\n";
    if (row.empty()) continue;
    expected.emplace_back(static_cast<int64_t>(expected.size()) + 2, reason);
    if (row.find(deep) == row.npos) list += "," + row;  // that one has no end in a list
  }
  const Records of_lines = read_records(File(lines + fine).path);
  EXPECT_EQ(of_lines.records.size(), 2u);
  expect_bad(of_lines.bad, expected);
  for (const BadRow& bad : of_lines.bad) EXPECT_LE(bad.reason.size(), 300u);
  const Records of_list = read_records(File(list + "," + fine + "]").path);
  EXPECT_EQ(of_list.records.size(), 2u);
  EXPECT_EQ(of_list.bad.size(), expected.size() - 2);
}

// Whatever stands in a file, readers list it or throw Error.
TEST(RowReader, DamagedFilesEndInRowsBadRowsOrAnError) {
  const std::string whole = R"([{"text": "a", "tools": "[{\"name\": \"f\"}]"},
{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "label": true},
{"prompt": "ab", "completion": "c", "label": false},
{"instruction": "a", "input": "b", "output": ["c", "d"], "system": "s", "history": [["e", "f"]]},
{"conversations": [{"from": "human", "value": "a"}], "chosen": {"from": "gpt", "value": "b"}, "rejected": {"from": "gpt", "value": "c"}, "margin": 1.5},
{"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"},
{"prompt": "é", "chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]},
{"chosen": "é: ä", "rejected": "é: ö"}])";
  const std::string_view parts[] = {"null",  "[]",       "{}",       "\"\"",       "0",
                                    "1e308", "\"role\"", "\"from\"", "\"prompt\"", ","};
  const File good(whole);
  EXPECT_EQ(read_preferences(good.path).records.size(), 5u);
  std::mt19937 random(1);
  for (int trial = 0; trial < 3000; ++trial) {
    std::string text = whole;
    for (int changes = 1 + trial % 3; changes > 0; --changes) {
      const size_t at = random() % text.size(), length = std::min<size_t>(random() % 12, text.size() - at);
      const size_t value = text.find_first_of("\"[{", at);
      if (trial % 2 == 0) {
        text.replace(at, length, parts[random() % std::size(parts)]);
      } else if (value != text.npos) {  // another value in place of a string
        text.replace(value, text.find_first_of("\"]}", value + 1) + 1 - value, parts[random() % std::size(parts)]);
      }
    }
    const File file(text);
    const auto read = [&](const auto& reader) {
      try {
        reader(file.path);
      } catch (const Error&) {
      }
    };
    read(read_records);
    read(read_preferences);
    read(read_labelled);
    read(read_prompts);
  }
}

}  // namespace
}  // namespace orrery::align
