#include <set>

#include "store_cases.h"

namespace orrery::serve {
namespace {

using Json = Store::Json;

Json vote(const std::string& id, const std::string& answer = "4") {
  return {{"id", id},
          {"prompt", {{{"role", "user"}, {"content", "2+2?"}}}},
          {"chosen", {{{"role", "assistant"}, {"content", answer}}}},
          {"rejected", {{{"role", "assistant"}, {"content", "5"}}}},
          {"chosen_model", "smollm2"},
          {"rejected_model", "other"}};
}

Json without(Json body, const char* field) {
  body.erase(field);
  return body;
}

Json with(Json body, const char* field, const Json& value) {
  body[field] = value;
  return body;
}

void adds_lists_and_deletes(Store& store) {
  Json want = with(with(vote("a"), "conversation", "gone"), "settings", {{"temperature", 1}});
  const Json added = store.add_preference(want);
  want["created_at"] = added["created_at"];
  EXPECT_EQ(nlohmann::json(added), nlohmann::json(want)) << "in any order of fields";
  next_millisecond();
  store.add_preference(vote("b"));
  const Json list = store.preferences();
  EXPECT_EQ(ids(list["preferences"]), "b a");
  EXPECT_EQ(list["preferences"][1], added);
  EXPECT_EQ(list["total"], 2);
  EXPECT_EQ(list["more"], false);
  store.delete_preference("b");
  EXPECT_EQ(refusal([&] { store.delete_preference("b"); }), "not found");
  EXPECT_EQ(store.preferences()["total"], 1);
}

void outlives_its_conversation(Store& store) {
  talk(store, "c", {"2+2?"});
  store.add_preference(with(vote("a"), "conversation", "c"));
  store.delete_conversation("c");
  EXPECT_EQ(store.preferences()["preferences"][0]["conversation"], "c");
}

void refuses_what_is_no_preference(Store& store) {
  store.add_preference(vote("a"));
  const auto add = [&](const Json& body) { return refusal([&] { store.add_preference(body); }); };
  EXPECT_EQ(add(vote("a")), "conflict id");
  for (const char* field : {"prompt", "chosen", "rejected", "chosen_model", "rejected_model"}) {
    EXPECT_EQ(add(without(vote("b"), field)), std::string("invalid ") + field);
  }
  EXPECT_EQ(add(with(vote("b"), "prompt", Json::array())), "invalid prompt");
  EXPECT_EQ(add(with(vote("b"), "prompt", "text")), "invalid prompt");
  EXPECT_EQ(add(with(vote("b"), "chosen", {{{"role", "robot"}, {"content", "x"}}})), "invalid role");
  EXPECT_EQ(add(with(vote("b"), "chosen", {{{"content", "x"}}})), "invalid chosen");
  EXPECT_EQ(add(with(vote("b"), "chosen", {{{"role", "user"}}})), "invalid content");
  EXPECT_EQ(add(with(vote("b"), "extra", 1)), "invalid extra");
  EXPECT_EQ(store.preferences()["total"], 1);
}

void exports_in_chunks(Store& store) {
  std::string want;
  for (int i = 0; i < 30; ++i) {
    const Json body = vote("p" + std::to_string(i), "Grüße\n\"" + std::string(100, 'a') + std::to_string(i));
    store.add_preference(body);
    if (i % 10 == 0) next_millisecond();
  }
  PreferenceCursor cursor;
  std::vector<std::string> chunks;
  std::string all;
  while (chunks.size() < 40) {
    std::string chunk = store.preference_lines(cursor, 1000);
    if (chunk.empty()) break;
    EXPECT_EQ(chunk.back(), '\n');
    all += chunk;
    chunks.push_back(std::move(chunk));
  }
  EXPECT_GT(chunks.size(), 3u);
  EXPECT_LT(chunks.size(), 30u);
  std::set<std::string> answers;
  for (size_t start = 0; start < all.size();) {
    const size_t end = all.find('\n', start);
    const std::string line = all.substr(start, end - start);
    const Json record = Json::parse(line);
    EXPECT_EQ(record.dump(), line) << "one record, one line";
    const Json expected = vote("", record["chosen"][0]["content"].get<std::string>());
    EXPECT_EQ(
        record,
        Json({{"prompt", expected["prompt"]}, {"chosen", expected["chosen"]}, {"rejected", expected["rejected"]}}));
    answers.insert(record["chosen"][0]["content"].get<std::string>());
    start = end + 1;
  }
  EXPECT_EQ(answers.size(), 30u) << "each once";
  PreferenceCursor again;
  EXPECT_EQ(store.preference_lines(again, 1 << 20), all);
}

void pages_through_all_preferences(Store& store) {
  for (int i = 0; i < 9; ++i) {
    store.add_preference(vote("p" + std::to_string(i)));
    if (i % 3 == 0) next_millisecond();
  }
  size_t count = 0;
  Page page{.limit = 2};
  for (bool more = true; more && count < 20;) {
    const Json list = store.preferences(page);
    EXPECT_EQ(list["total"], 9);
    count += list["preferences"].size();
    more = list["more"].get<bool>();
    page.before = list["preferences"].back()["created_at"].get<int64_t>();
  }
  EXPECT_EQ(count, 9u);
}

}  // namespace

std::vector<StoreCase> preference_cases() {
  return {{"AddsListsAndDeletesPreferences", adds_lists_and_deletes},
          {"PreferencesOutliveTheirConversation", outlives_its_conversation},
          {"RefusesWhatIsNoPreference", refuses_what_is_no_preference},
          {"ExportsPreferencesInChunks", exports_in_chunks},
          {"PagesThroughAllPreferences", pages_through_all_preferences}};
}

}  // namespace orrery::serve
