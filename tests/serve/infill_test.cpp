// What /infill takes, and where lines end its answers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/serve/api/infill_request.h"
#include "orrery/serve/api/line_limits.h"
#include "tests/serve/refusal_of.h"

namespace orrery::serve {
namespace {

using nlohmann::ordered_json;

std::string refused_infill(const char* more) {
  ordered_json body = {{"input_prefix", "a"}, {"input_suffix", "b"}};
  body.update(ordered_json::parse(more));
  return refused_field([&] { InfillRequest{body}; });
}

TEST(InfillFields, NameWhatIsWrong) {
  EXPECT_EQ(refused_infill("{}"), "none");
  EXPECT_EQ(refused_infill(R"({"input_prefix": null})"), "input_prefix");
  EXPECT_EQ(refused_infill(R"({"input_suffix": 3})"), "input_suffix");
  EXPECT_EQ(refused_infill(R"({"foo": 1})"), "foo");
  EXPECT_EQ(refused_infill(R"({"n": 2})"), "n");
  EXPECT_EQ(refused_infill(R"({"n_probs": 3})"), "n_probs");
  EXPECT_EQ(refused_infill(R"({"n_indent": -1})"), "n_indent");
  EXPECT_EQ(refused_infill(R"({"n_predict": -2})"), "n_predict");
  EXPECT_EQ(refused_infill(R"({"t_max_predict_ms": 0.5})"), "t_max_predict_ms");
  EXPECT_EQ(refused_infill(R"({"input_extra": "x"})"), "input_extra");
  EXPECT_EQ(refused_infill(R"({"input_extra": [{"text": "x"}]})"), "none");
  EXPECT_EQ(refused_infill(R"({"input_extra": [{"text": "x"}, {"filename": "y"}]})"), "input_extra[1].text");
  EXPECT_EQ(refused_infill(R"({"input_extra": [{"text": "x", "path": "y"}]})"), "input_extra[0].path");
  EXPECT_EQ(refused_infill(R"({"samplers": ["top_k", "top_p", "infill"]})"), "none");
  EXPECT_EQ(refused_infill(R"({"samplers": ["top_p", "top_k"]})"), "samplers");
  EXPECT_EQ(refused_infill(R"({"samplers": ["top_k", "top_k"]})"), "samplers");
  EXPECT_EQ(refused_infill(R"({"samplers": ["roulette"]})"), "samplers");
  EXPECT_EQ(refused_infill(R"({"samplers": "kp"})"), "samplers");
}

TEST(InfillFields, NothingIsToBeAnsweredToWarmTheCache) {
  const InfillRequest warm(ordered_json{{"input_prefix", ""}, {"input_suffix", ""}, {"n_predict", 0}});
  EXPECT_FALSE(warm.answers);
  EXPECT_EQ(warm.generation->max_tokens, 1);
}

// What is shown of a text that comes in pieces of every size.
void expect_shown(const std::string& text, int64_t indent, double limit, double seconds, const std::string& expected) {
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    LineLimits limits(indent, limit);
    std::string shown;
    for (size_t at = 0; at < text.size(); at += piece) shown += limits.push(text.substr(at, piece), seconds);
    const bool reached = limits.reached();
    shown += limits.finish();
    EXPECT_EQ(shown, expected) << piece;
    EXPECT_EQ(reached, expected != text) << piece;
  }
}

TEST(LineLimit, EndsBeforeALineThatIsIndentedLess) {
  expect_shown("x = 1\n    y = 2\n\n    z = 3\ndef f():", 4, 0, 0, "x = 1\n    y = 2\n\n    z = 3");
  expect_shown("x\n    y\n  z\n    w", 4, 0, 0, "x\n    y");
  expect_shown("x\n\ty\n", 1, 0, 0, "x\n\ty\n");
  expect_shown("x\ny", 0, 0, 0, "x\ny");
}

TEST(LineLimit, EndsWithTheLineWhenTheTimeIsOver) {
  expect_shown("x = 1\ny = 2\n", 0, 0.5, 0.6, "x = 1");
  expect_shown("x = 1\ny = 2\n", 0, 0.5, 0.4, "x = 1\ny = 2\n");
  expect_shown("no line ends here", 0, 0.5, 0.6, "no line ends here");
}

}  // namespace
}  // namespace orrery::serve
