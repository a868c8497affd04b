// What the tests of the parser compare: an answer's parts, whatever pieces they came in.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "orrery/text/chat/tools/tool_call_parser.h"

namespace orrery::text {

struct AnswerCall {
  std::string id, name, arguments;
  bool complete = false;
  bool operator==(const AnswerCall&) const = default;
};

struct Answer {
  std::string content, reasoning;
  std::vector<AnswerCall> calls;
  bool operator==(const Answer&) const = default;

  void add(const std::vector<ToolEvent>& events) {
    for (const ToolEvent& event : events) {
      switch (event.kind) {
        case ToolEvent::Kind::kContent:
          content += event.text;
          break;
        case ToolEvent::Kind::kReasoning:
          reasoning += event.text;
          break;
        case ToolEvent::Kind::kCall:
          EXPECT_EQ(event.index, int(calls.size()));
          calls.push_back({event.id, event.name, "", false});
          break;
        case ToolEvent::Kind::kArguments:
          ASSERT_EQ(event.index, int(calls.size()) - 1);
          EXPECT_FALSE(event.text.empty());
          calls.back().arguments += event.text;
          break;
        case ToolEvent::Kind::kCallEnd:
          ASSERT_EQ(event.index, int(calls.size()) - 1);
          calls.back().complete = event.complete;
      }
    }
  }
};

inline std::ostream& operator<<(std::ostream& out, const Answer& answer) {
  out << "content \"" << answer.content << "\", reasoning \"" << answer.reasoning << "\"";
  for (const AnswerCall& call : answer.calls)
    out << ", call " << call.name << " " << call.arguments << (call.complete ? "" : " (incomplete)");
  return out;
}

/// A parser's setting, and an answer run through it.
struct Reader {
  ToolFormat format;
  std::optional<ReasoningMarks> reasoning = ReasoningMarks{"<think>", "</think>"};
  ToolCallParser::Options options = {};
  std::string prompt = {};

  Answer read(const std::vector<std::string_view>& pieces) const {
    ToolCallParser parser(format, reasoning, options, prompt);
    Answer answer;
    for (std::string_view piece : pieces) answer.add(parser.push(piece));
    answer.add(parser.finish());
    EXPECT_EQ(parser.calls(), int(answer.calls.size()));
    return answer;
  }

  /// The answer as a whole; the same must come out for each way to cut it in two, byte by byte, and a few random ways.
  Answer read(std::string_view text) const {
    const Answer whole = read(std::vector{text});
    for (size_t cut = 0; cut <= text.size(); ++cut)
      EXPECT_EQ(read(std::vector{text.substr(0, cut), text.substr(cut)}), whole) << text << "\ncut at " << cut;
    std::mt19937 random(7);
    for (int way = 0; way < 8; ++way) {
      std::vector<std::string_view> pieces;
      for (size_t at = 0; at < text.size();) {
        pieces.push_back(text.substr(at, way == 0 ? 1 : 1 + random() % 9));
        at += pieces.back().size();
      }
      EXPECT_EQ(read(pieces), whole) << text << "\nway " << way;
    }
    return whole;
  }
};

}  // namespace orrery::text
