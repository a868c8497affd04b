// What the fixtures cannot say: places of errors, threads, integers past Python's reach.
#include "orrery/text/chat/template.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "orrery/base/error.h"

namespace orrery::text {
namespace {

using Json = nlohmann::ordered_json;

Error::Parts failure(const std::string& source, const Json& context = Json::object()) {
  try {
    ChatTemplate(source).render(context);
  } catch (const Error& error) {
    return error.parts();
  }
  return {};
}

TEST(ChatTemplate, SyntaxErrorsNameLineAndColumn) {
  EXPECT_EQ(failure("a\n{{ 1 + }}").where, "line 2, column 8");
  EXPECT_EQ(failure("{% if x %}\n\n  {% nope %}").where, "line 3, column 6");
  EXPECT_EQ(failure("{{ 'a' | nope }}").where, "line 1, column 10");
  EXPECT_EQ(failure("é{{ ) }}").where, "line 1, column 6");  // columns count bytes
  EXPECT_EQ(failure("{{ 1 + }}").doing, "parse a chat template");
}

TEST(ChatTemplate, RenderErrorsNameTheInnermostPlace) {
  EXPECT_EQ(failure("{{ 1 }}\n{% if true %}{{ 'a' + 1 }}{% endif %}").where, "line 2, column 21");
  EXPECT_EQ(failure("{% macro m() %}\n{{ x.y }}{% endmacro %}{{ m() }}").where, "line 2, column 5");
  EXPECT_EQ(failure("{{ x.y }}").doing, "render a chat template");
}

TEST(ChatTemplate, RaiseExceptionGivesTheTemplatesOwnWords) {
  EXPECT_EQ(failure("{{ raise_exception('Only ' ~ 2 ~ ' roles') }}").found, "Only 2 roles");
}

TEST(ChatTemplate, UndefinedValuesSayWhatWasMissing) {
  const Json context = {{"d", {{"a", 1}}}, {"l", {1}}};
  EXPECT_EQ(failure("{{ x.y }}", context).found, "'x' is undefined");
  EXPECT_EQ(failure("{{ d.x.y }}", context).found, "'dict object' has no attribute 'x'");
  EXPECT_EQ(failure("{{ l[5].y }}", context).found, "list object has no element 5");
}

TEST(ChatTemplate, IntegersStopAt64Bits) {
  EXPECT_EQ(ChatTemplate("{{ 9223372036854775807 }}").render(Json::object()), "9223372036854775807");
  EXPECT_NE(failure("{{ 9223372036854775808 }}").found, "");
  EXPECT_NE(failure("{{ 9223372036854775807 + 1 }}").found, "");
  EXPECT_NE(failure("{{ -9223372036854775807 - 2 }}").found, "");
  EXPECT_NE(failure("{{ (-9223372036854775807 - 1) // -1 }}").found, "");
  EXPECT_NE(failure("{{ (-9223372036854775807 - 1) | abs }}").found, "");
  EXPECT_NE(failure("{{ 2 ** 63 }}").found, "");
  EXPECT_NE(failure("{{ 1e300 | int }}").found, "");
}

TEST(ChatTemplate, RendersTheSameFromManyThreads) {
  const ChatTemplate chat(
      "{% macro m(x) %}<{{ x }}>{% endmacro %}{% for i in range(n) %}{{ m(i ~ 'é'[0]) }}{% endfor %}");
  const std::string expected = chat.render({{"n", 300}});
  std::vector<std::thread> threads;
  std::vector<std::string> results(4);
  for (auto& result : results) threads.emplace_back([&] { result = chat.render({{"n", 300}}); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : results) EXPECT_EQ(result, expected);
}

TEST(ChatTemplate, TellsTheLocalTime) {
  const std::string now = ChatTemplate("{{ strftime_now('%Y') }}").render(Json::object());
  EXPECT_EQ(now.size(), 4u);
  EXPECT_GE(now, "2024");
}

}  // namespace
}  // namespace orrery::text
