#include "store_cases.h"

namespace orrery::serve {
namespace {

using Json = Store::Json;

const std::string kNul("a\0b", 3);
constexpr char kSql[] = "'; DROP TABLE conversations; -- \" $1 :id ?1 %s {} \\ \\' \x1b[31m";

void refuses_hostile_ids(Store& store) {
  talk(store, "a", {"one"});
  for (const std::string& id :
       {std::string(), std::string(65, 'a'), std::string("../../etc/passwd"), std::string("a b"), std::string("a'--"),
        std::string("ü"), std::string("%"), kNul, std::string("\xff")}) {
    EXPECT_EQ(refusal([&] { store.conversation(id); }), "invalid id");
    EXPECT_EQ(refusal([&] { store.delete_conversation(id); }), "invalid id");
    EXPECT_EQ(refusal([&] { store.change_conversation(id, {{"title", "x"}}); }), "invalid id");
    EXPECT_EQ(refusal([&] { store.create_conversation({{"id", id}}); }), "invalid id");
    EXPECT_EQ(refusal([&] { store.change_conversation("a", {{"head", id}}); }), "invalid head");
    EXPECT_EQ(refusal([&] {
                store.put_message(id, "m", {{"role", "user"}, {"content", ""}});
              }),
              "invalid conversation");
    EXPECT_EQ(refusal([&] { store.put_message("a", id, {{"role", "user"}, {"content", ""}}); }), "invalid id");
    EXPECT_EQ(refusal([&] {
                store.put_message("a", "m", {{"parent", id}, {"role", "user"}, {"content", ""}});
              }),
              "invalid parent");
    EXPECT_EQ(refusal([&] { store.delete_preference(id); }), "invalid id");
  }
  EXPECT_EQ(refusal([&] { store.create_conversation({{"id", 7}}); }), "invalid id");
  const std::string longest(64, '-');
  store.create_conversation({{"id", longest}});
  EXPECT_EQ(store.conversation(longest)["id"], longest);
}

void keeps_texts_that_look_like_sql(Store& store) {
  store.create_conversation({{"id", "a"}, {"title", kSql}, {"settings", {{kSql, kSql}}}});
  store.put_message("a", "m", {{"role", "user"}, {"content", kSql}, {"model", kSql}, {"stats", {{"x", kSql}}}});
  const Json conversation = store.conversation("a");
  EXPECT_EQ(conversation["title"], kSql);
  EXPECT_EQ(conversation["settings"], Json({{kSql, kSql}}));
  EXPECT_EQ(conversation["messages"][0]["content"], kSql);
  EXPECT_EQ(conversation["messages"][0]["model"], kSql);
  EXPECT_EQ(ids(store.conversations(kSql)["conversations"]), "a");
}

// In a content NUL is a character like others: JSON has it as \u0000.
void a_nul_is_kept_in_contents_and_refused_in_names(Store& store) {
  EXPECT_EQ(refusal([&] { store.create_conversation({{"title", kNul}}); }), "invalid title");
  store.create_conversation({{"id", "a"}});
  EXPECT_EQ(refusal([&] {
              store.put_message("a", "m", {{"role", "user"}, {"content", ""}, {"model", kNul}});
            }),
            "invalid model");
  store.put_message("a", "m", {{"role", "user"}, {"content", kNul}});
  EXPECT_EQ(store.conversation("a")["messages"][0]["content"], kNul);
  EXPECT_EQ(ids(store.conversations(kNul)["conversations"]), "a");
}

void refuses_what_is_not_utf8(Store& store) {
  talk(store, "a", {"one"}, "title");
  const Json before = store.conversation("a");
  for (const std::string bad : {"\xff", "x\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf5\x80\x80\x80"}) {
    EXPECT_EQ(refusal([&] { store.create_conversation({{"title", bad}}); }), "invalid title");
    EXPECT_EQ(refusal([&] { store.change_conversation("a", {{"title", bad}}); }), "invalid title");
    EXPECT_EQ(refusal([&] { store.change_conversation("a", {{"settings", {{bad, 1}}}}); }), "invalid settings");
    EXPECT_EQ(refusal([&] { store.put_message("a", "m1", {{"content", bad}}); }), "invalid content");
    EXPECT_EQ(refusal([&] {
                store.put_message("a", "m1", {{"content", {{{"type", "text"}, {"text", bad}}}}});
              }),
              "invalid content");
    EXPECT_EQ(refusal([&] { store.conversations(bad); }), "invalid query");
  }
  EXPECT_EQ(store.conversation("a"), before);
}

void limits_sizes(Store& store) {
  std::string title;
  for (int i = 0; i < 300; ++i) title += "𝄞";
  store.create_conversation({{"id", "a"}, {"title", title}});
  EXPECT_EQ(store.conversation("a")["title"], title) << "300 characters of four bytes";
  EXPECT_EQ(refusal([&] { store.create_conversation({{"title", title + "x"}}); }), "invalid title");
  EXPECT_EQ(refusal([&] {
              store.create_conversation({{"settings", {{"x", std::string(70'000, 'x')}}}});
            }),
            "invalid settings");
  EXPECT_EQ(refusal([&] { store.conversations(std::string(1000, 'x')); }), "invalid query");
  const std::string largest((16 << 20) - 2, 'x');  // and two quotes as JSON
  store.put_message("a", "m", {{"role", "user"}, {"content", largest}});
  EXPECT_EQ(store.conversation("a")["messages"][0]["content"], largest);
  EXPECT_EQ(refusal([&] { store.put_message("a", "m", {{"content", largest + "x"}}); }), "invalid content");
}

// Settings whose innermost list lies that many levels deep, their own object counted.
Json settings_of_depth(int levels) {
  std::string text = "1";
  for (int i = 1; i < levels; ++i) text = "[" + std::move(text) + "]";
  return Json::parse(R"({"settings":{"x":)" + text + "}}");
}

void refuses_deep_json(Store& store) {
  const Json deepest = settings_of_depth(StoreLimits::kJsonDepth);
  EXPECT_EQ(store.create_conversation(deepest)["settings"], deepest["settings"]);
  for (const int levels : {static_cast<int>(StoreLimits::kJsonDepth) + 1, 20'000}) {
    EXPECT_EQ(refusal([&] { store.create_conversation(settings_of_depth(levels)); }), "invalid settings");
  }
}

void a_body_must_be_an_object(Store& store) {
  for (const Json& body : {Json(nullptr), Json(1), Json("x"), Json::array({1})}) {
    EXPECT_EQ(refusal([&] { store.create_conversation(body); }), "invalid");
    EXPECT_EQ(refusal([&] { store.add_preference(body); }), "invalid");
  }
}

}  // namespace

std::vector<StoreCase> hostile_cases() {
  return {{"RefusesHostileIds", refuses_hostile_ids},
          {"KeepsTextsThatLookLikeSql", keeps_texts_that_look_like_sql},
          {"ANulIsKeptInContentsAndRefusedInNames", a_nul_is_kept_in_contents_and_refused_in_names},
          {"RefusesWhatIsNotUtf8", refuses_what_is_not_utf8},
          {"LimitsSizes", limits_sizes},
          {"RefusesDeepJson", refuses_deep_json},
          {"ABodyMustBeAnObject", a_body_must_be_an_object}};
}

}  // namespace orrery::serve
