// Every case of the fixtures renders as jinja2 rendered it (tests/text/scripts/make_chat_fixture.py).
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/chat/template.h"

namespace orrery::text {
namespace {

using Json = nlohmann::ordered_json;

std::chrono::system_clock::time_point local_time(const std::string& iso) {
  std::tm tm{};
  double seconds = 0;
  EXPECT_EQ(std::sscanf(iso.c_str(), "%d-%d-%dT%d:%d:%lf", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                        &tm.tm_min, &seconds),
            6);
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  tm.tm_isdst = -1;
  tm.tm_sec = static_cast<int>(seconds);
  const auto micros = std::chrono::microseconds(std::llround((seconds - tm.tm_sec) * 1e6));
  return std::chrono::system_clock::from_time_t(std::mktime(&tm)) + micros;
}

struct Outcome {
  bool failed = false;
  std::string text;  // what was rendered, or the message of the failure
};

Outcome render(const std::string& source, const Json& context, std::chrono::system_clock::time_point now) {
  try {
    return {false, ChatTemplate(source).render(context, now)};
  } catch (const Error& error) {
    return {true, error.parts().found};
  }
}

// A context has a name of its own, or is "conversation/variant".
Json context_of(const Json& document, const std::string& name) {
  if (document.contains("contexts")) return document["contexts"].at(name);
  const size_t slash = name.find('/');
  Json context = {{"messages", document["conversations"].at(name.substr(0, slash))}};
  context.update(document["variants"].at(name.substr(slash + 1)));
  return context;
}

void check(const std::filesystem::path& path) {
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  const Json document = Json::parse(file);
  const auto now = local_time(document["now"]);
  ASSERT_FALSE(document["cases"].empty());
  int differences = 0;
  for (const Json& item : document["cases"]) {
    const std::string name = item["t"], context = item["c"];
    const std::string source = document.contains("templates") ? document["templates"].at(name) : item["t"];
    const Outcome ours = render(source, context_of(document, context), now);
    const bool same_failure = ours.failed == item.contains("e") && (!item.contains("raised") || item["e"] == ours.text);
    if (same_failure && (ours.failed || item["o"] == ours.text)) continue;
    if (++differences > 40) break;
    ADD_FAILURE() << "template: " << Json(name).dump() << "\ncontext: " << context
                  << "\njinja2: " << (item.contains("e") ? "ERROR " : "") << item[item.contains("e") ? "e" : "o"].dump()
                  << "\nOrrery: " << (ours.failed ? "ERROR " : "")
                  << Json(ours.text).dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

TEST(ChatTemplateCases, Fixtures) {
  const std::filesystem::path folder = std::filesystem::path(ORRERY_SOURCE_DIR) / "tests/fixtures/chat";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    check(entry.path());
    ++files;
  }
  EXPECT_GT(files, 0);
}

// For tests/text/scripts/compare_chat_templates.py and fuzz_chat_templates.py.
TEST(ChatTemplateCases, FromEnvironment) {
  const char* path = std::getenv("ORRERY_CHAT_CASES");
  if (path == nullptr) GTEST_SKIP() << "ORRERY_CHAT_CASES names no file of cases";
  check(path);
}

}  // namespace
}  // namespace orrery::text
