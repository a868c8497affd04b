#include "store_cases.h"

namespace orrery::serve {
namespace {

using Json = Store::Json;

void creates_and_reads(Store& store) {
  const Json made =
      store.create_conversation({{"id", "a_B-9"}, {"title", "Über 北京"}, {"settings", {{"temperature", 0.5}}}});
  const auto created = made["created_at"].get<int64_t>();
  EXPECT_GT(created, 1'600'000'000'000);
  EXPECT_EQ(made, Json({{"id", "a_B-9"},
                        {"title", "Über 北京"},
                        {"created_at", created},
                        {"updated_at", created},
                        {"settings", {{"temperature", 0.5}}},
                        {"head", nullptr},
                        {"messages", Json::array()}}));
  EXPECT_EQ(store.conversation("a_B-9"), made);
  EXPECT_EQ(store.conversation("a_B-9").dump(), made.dump()) << "the order of fields";
}

void makes_an_id_of_its_own(Store& store) {
  const auto first = store.create_conversation(Json::object())["id"].get<std::string>();
  const auto second = store.create_conversation({{"id", nullptr}})["id"].get<std::string>();
  EXPECT_EQ(first.size(), 36u);
  EXPECT_EQ(first[14], '4') << "UUID version 4";
  EXPECT_NE(first, second);
  EXPECT_EQ(store.conversation(first)["title"], "");
  EXPECT_EQ(store.conversation(first)["settings"], Json::object());
}

void refuses_an_id_that_is_taken(Store& store) {
  store.create_conversation({{"id", "a"}, {"title", "first"}});
  EXPECT_EQ(refusal([&] { store.create_conversation({{"id", "a"}, {"title", "second"}}); }), "conflict id");
  EXPECT_EQ(store.conversation("a")["title"], "first");
}

void changes_what_is_named(Store& store) {
  talk(store, "a", {"one", "two"}, "old");
  const Json before = store.conversation("a");
  Json changed = store.change_conversation("a", {{"title", "new"}});
  EXPECT_EQ(changed["title"], "new");
  EXPECT_FALSE(changed.contains("messages"));
  EXPECT_EQ(changed["updated_at"], before["updated_at"]) << "a name does not move a conversation in the list";
  changed = store.change_conversation("a", {{"settings", {{"seed", 7}}}, {"head", "m1"}});
  EXPECT_EQ(changed["title"], "new");
  EXPECT_EQ(changed["settings"], Json({{"seed", 7}}));
  EXPECT_EQ(changed["head"], "m1");
  changed = store.change_conversation("a", {{"head", nullptr}});
  EXPECT_EQ(changed["head"], nullptr);
  EXPECT_EQ(store.change_conversation("a", Json::object()), changed);
  EXPECT_EQ(store.conversation("a")["messages"], before["messages"]);
}

void refuses_changes_that_do_not_fit(Store& store) {
  talk(store, "a", {"one"});
  talk(store, "b", {"one", "two"});
  const Json before = store.conversation("a");
  EXPECT_EQ(refusal([&] { store.change_conversation("c", {{"title", "x"}}); }), "not found");
  EXPECT_EQ(refusal([&] {
              store.change_conversation("a", {{"title", "new"}, {"head", "m2"}});
            }),
            "invalid head")
      << "m2 is b's";
  EXPECT_EQ(refusal([&] { store.change_conversation("a", {{"updated_at", 1}}); }), "invalid updated_at");
  EXPECT_EQ(refusal([&] { store.change_conversation("a", {{"settings", "x"}}); }), "invalid settings");
  EXPECT_EQ(store.conversation("a"), before) << "all or nothing";
}

void deletes_with_its_messages(Store& store) {
  talk(store, "a", std::vector<std::string>(50, "find me"));
  talk(store, "b", {"find me"});
  store.delete_conversation("a");
  EXPECT_EQ(refusal([&] { store.conversation("a"); }), "not found");
  EXPECT_EQ(refusal([&] { store.delete_conversation("a"); }), "not found");
  EXPECT_EQ(ids(store.conversations("find")["conversations"]), "b");
  store.create_conversation({{"id", "a"}});
  EXPECT_EQ(store.conversation("a")["messages"], Json::array());
}

void lists_last_message_first(Store& store) {
  talk(store, "a", {"one"}, "A");
  talk(store, "b", {"one"}, "B");
  talk(store, "c", {"one"}, "C");
  store.put_message("a", "m2", {{"role", "user"}, {"content", "again"}});
  const Json list = store.conversations("");
  EXPECT_EQ(ids(list["conversations"]), "a c b");
  EXPECT_EQ(list["more"], false);
  const Json a = store.conversation("a");
  EXPECT_EQ(list["conversations"][0], Json({{"id", "a"},
                                            {"title", "A"},
                                            {"created_at", a["created_at"]},
                                            {"updated_at", a["updated_at"]},
                                            {"snippet", ""}}));
}

void pages_through_all(Store& store) {
  std::string want;
  for (int i = 0; i < 7; ++i) {
    const std::string id = "c" + std::to_string(i);
    talk(store, id, {});
    want = id + (want.empty() ? "" : " " + want);
  }
  std::string got;
  Page page{.limit = 3};
  for (bool more = true; more;) {
    const Json list = store.conversations("", page);
    const Json& rows = list["conversations"];
    ASSERT_FALSE(rows.empty());
    got += (got.empty() ? "" : " ") + ids(rows);
    more = list["more"].get<bool>();
    page.before = rows.back()["updated_at"].get<int64_t>();
  }
  EXPECT_EQ(got, want);
  page.before = 0;
  EXPECT_EQ(store.conversations("", page)["conversations"], Json::array());
}

// Made as fast as possible, many share a millisecond; a page's end must not lose one.
void pages_lose_nobody_of_the_same_millisecond(Store& store) {
  for (int i = 0; i < 40; ++i) store.create_conversation({{"id", "c" + std::to_string(i)}});
  size_t count = 0;
  Page page{.limit = 1};
  for (bool more = true; more && count < 100;) {
    const Json list = store.conversations("", page);
    count += list["conversations"].size();
    more = list["more"].get<bool>();
    page.before = list["conversations"].back()["updated_at"].get<int64_t>();
  }
  EXPECT_EQ(count, 40u);
}

void refuses_limits_out_of_range(Store& store) {
  for (const int limit : {-1, 0, 201}) {
    EXPECT_EQ(refusal([&] { store.conversations("", {.limit = limit}); }), "invalid limit");
    EXPECT_EQ(refusal([&] { store.preferences({.limit = limit}); }), "invalid limit");
  }
}

void searches_titles_and_texts(Store& store) {
  talk(store, "title", {"nothing here"}, "Der ÄRGER mit Straßen");
  talk(store, "text", {"first", "On the CRÊPE\n\nsuzette, a long story"}, "Cooking");
  talk(store, "chinese", {"我喜欢北京烤鸭"}, "");
  store.create_conversation({{"id", "parts"}});
  store.put_message("parts", "m1",
                    {{"role", "user"},
                     {"content",
                      {{{"type", "text"}, {"text", "What does the picture show?"}},
                       {{"type", "image_url"}, {"image_url", {{"url", "data:image/png;base64,crepe"}}}}}}});
  const auto found = [&](const std::string& query) { return ids(store.conversations(query)["conversations"]); };
  EXPECT_EQ(found("ärger"), "title");
  EXPECT_EQ(found("STRASSEN"), "title");
  EXPECT_EQ(found("crêpe suzette"), "text") << "over a line's end, and no picture's bytes";
  EXPECT_EQ(found("ＣＯＯＫＩＮＧ"), "text") << "full width";
  EXPECT_EQ(found("北京"), "chinese");
  EXPECT_EQ(found("picture"), "parts");
  EXPECT_EQ(found("image_url"), "");
  EXPECT_EQ(found("the"), "parts text");
  EXPECT_EQ(found(" \n"), "parts chinese text title") << "a blank query is none";
}

void shows_the_text_around_a_hit(Store& store) {
  talk(store, "a", {"no", std::string(300, 'x') + "\n the NEEDLE  ist hier " + std::string(300, 'y')}, "title needle");
  talk(store, "b", {"no"}, "needle only here");
  const Json rows = store.conversations("needle")["conversations"];
  ASSERT_EQ(ids(rows), "b a");
  EXPECT_EQ(rows[0]["snippet"], "");
  const auto snippet = rows[1]["snippet"].get<std::string>();
  EXPECT_NE(snippet.find("x the NEEDLE ist hier y"), std::string::npos) << snippet;
  EXPECT_TRUE(snippet.starts_with("…x")) << snippet;
  EXPECT_TRUE(snippet.ends_with("y…")) << snippet;
}

void a_search_takes_patterns_literally(Store& store) {
  talk(store, "percent", {"100% sure"});
  talk(store, "plain", {"1000 sure"});
  talk(store, "under", {"snake_case!"});
  talk(store, "quote", {R"(it's a back\slash)"});
  const auto found = [&](const std::string& query) { return ids(store.conversations(query)["conversations"]); };
  EXPECT_EQ(found("100% s"), "percent");
  EXPECT_EQ(found("e_c"), "under");
  EXPECT_EQ(found("e!"), "under");
  EXPECT_EQ(found("it's"), "quote");
  EXPECT_EQ(found("k\\s"), "quote");
  EXPECT_EQ(found("%"), "percent");
  EXPECT_EQ(found(":pattern"), "");
}

void searching_finds_the_latest_text_only(Store& store) {
  talk(store, "a", {"apple"}, "fruit");
  store.put_message("a", "m1", {{"content", "banana"}});
  store.change_conversation("a", {{"title", "Food"}});
  EXPECT_EQ(ids(store.conversations("apple")["conversations"]), "");
  EXPECT_EQ(ids(store.conversations("BANANA")["conversations"]), "a");
  EXPECT_EQ(ids(store.conversations("fruit")["conversations"]), "");
  EXPECT_EQ(ids(store.conversations("food")["conversations"]), "a");
}

void exports_what_it_reads(Store& store) {
  talk(store, "a", {"one", "two"}, "title");
  const std::string text = store.export_conversation("a");
  EXPECT_EQ(Json::parse(text), store.conversation("a"));
  EXPECT_TRUE(text.ends_with("}\n"));
  EXPECT_EQ(refusal([&] { store.export_conversation("b"); }), "not found");
}

}  // namespace

std::vector<StoreCase> conversation_cases() {
  return {{"CreatesAndReads", creates_and_reads},
          {"MakesAnIdOfItsOwn", makes_an_id_of_its_own},
          {"RefusesAnIdThatIsTaken", refuses_an_id_that_is_taken},
          {"ChangesWhatIsNamed", changes_what_is_named},
          {"RefusesChangesThatDoNotFit", refuses_changes_that_do_not_fit},
          {"DeletesWithItsMessages", deletes_with_its_messages},
          {"ListsLastMessageFirst", lists_last_message_first},
          {"PagesThroughAll", pages_through_all},
          {"PagesLoseNobodyOfTheSameMillisecond", pages_lose_nobody_of_the_same_millisecond},
          {"RefusesLimitsOutOfRange", refuses_limits_out_of_range},
          {"SearchesTitlesAndTexts", searches_titles_and_texts},
          {"ShowsTheTextAroundAHit", shows_the_text_around_a_hit},
          {"ASearchTakesPatternsLiterally", a_search_takes_patterns_literally},
          {"SearchingFindsTheLatestTextOnly", searching_finds_the_latest_text_only},
          {"ExportsWhatItReads", exports_what_it_reads}};
}

}  // namespace orrery::serve
