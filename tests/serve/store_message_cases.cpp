#include <atomic>
#include <thread>

#include "store_cases.h"

namespace orrery::serve {
namespace {

using Json = Store::Json;

void keeps_every_field(Store& store) {
  store.create_conversation({{"id", "a"}});
  const Json question = store.put_message("a", "q", {{"parent", nullptr}, {"role", "user"}, {"content", "Why?"}});
  EXPECT_EQ(question, Json({{"id", "q"},
                            {"conversation", "a"},
                            {"parent", nullptr},
                            {"role", "user"},
                            {"content", "Why?"},
                            {"model", nullptr},
                            {"finish", nullptr},
                            {"stats", nullptr},
                            {"created_at", question["created_at"]}}));
  const Json parts = {{{"type", "text"}, {"text", "Because."}},
                      {{"type", "image_url"}, {"image_url", {{"url", "data:image/png;base64,AA=="}}}}};
  const Json answer = store.put_message("a", "r",
                                        {{"parent", "q"},
                                         {"role", "assistant"},
                                         {"content", parts},
                                         {"model", "smollm2"},
                                         {"finish", "stop"},
                                         {"stats", {{"predicted_n", 3}, {"predicted_per_second", 101.25}}}});
  const Json conversation = store.conversation("a");
  EXPECT_EQ(conversation["messages"], Json::array({question, answer}));
  EXPECT_EQ(conversation["messages"][1]["content"].dump(), parts.dump());
  EXPECT_EQ(conversation["messages"][1]["stats"]["predicted_per_second"], 101.25);
  EXPECT_EQ(conversation["head"], "r");
}

void replaces_while_an_answer_streams(Store& store) {
  talk(store, "a", {"one", "two"});
  const Json before = store.conversation("a");
  store.change_conversation("a", {{"head", "m2"}});
  const Json message = store.put_message("a", "m1", {{"role", "user"}, {"content", "more"}, {"finish", "length"}});
  EXPECT_EQ(message["created_at"], before["messages"][0]["created_at"]);
  EXPECT_EQ(message["role"], "user");
  const Json after = store.conversation("a");
  EXPECT_EQ(after["messages"][0], message);
  EXPECT_EQ(after["messages"][1], before["messages"][1]);
  EXPECT_EQ(after["head"], "m2") << "only a new message becomes the head";
  EXPECT_GT(after["updated_at"], before["updated_at"]);
  store.put_message("a", "m1", {{"content", "bare"}});
  EXPECT_EQ(store.conversation("a")["messages"][0]["finish"], nullptr);
}

void branches_share_a_parent(Store& store) {
  talk(store, "a", {"one"});
  for (const char* id : {"x", "y", "z"})
    store.put_message("a", id, {{"parent", "m1"}, {"role", "assistant"}, {"content", id}});
  const Json conversation = store.conversation("a");
  EXPECT_EQ(ids(conversation["messages"]), "m1 x y z");
  EXPECT_EQ(conversation["head"], "z");
}

void the_same_id_in_two_conversations(Store& store) {
  talk(store, "a", {"of a"});
  talk(store, "b", {"of b"});
  EXPECT_EQ(store.conversation("a")["messages"][0]["content"], "of a");
  EXPECT_EQ(store.conversation("b")["messages"][0]["content"], "of b");
}

void refuses_to_move_a_message(Store& store) {
  talk(store, "a", {"one", "two"});
  const Json before = store.conversation("a");
  EXPECT_EQ(refusal([&] { store.put_message("a", "m2", {{"role", "assistant"}, {"content", "x"}}); }), "conflict role");
  EXPECT_EQ(refusal([&] { store.put_message("a", "m2", {{"parent", nullptr}, {"content", "x"}}); }), "conflict parent");
  EXPECT_EQ(refusal([&] { store.put_message("a", "m1", {{"parent", "m2"}, {"content", "x"}}); }), "conflict parent");
  EXPECT_EQ(store.conversation("a"), before) << "not even the time";
}

void refuses_a_message_without_its_place(Store& store) {
  talk(store, "a", {"one"});
  talk(store, "b", {"one", "two"});
  const auto put = [&](const std::string& conversation, const Json& body) {
    return refusal([&] { store.put_message(conversation, "new", body); });
  };
  EXPECT_EQ(put("c", {{"role", "user"}, {"content", "x"}}), "not found");
  EXPECT_EQ(put("a", {{"role", "user"}, {"content", "x"}, {"parent", "m2"}}), "invalid parent") << "m2 is b's";
  EXPECT_EQ(put("a", {{"role", "user"}, {"content", "x"}, {"parent", "new"}}), "invalid parent") << "its own parent";
  EXPECT_EQ(put("a", {{"content", "x"}}), "invalid role");
  EXPECT_EQ(put("a", {{"role", "tool"}, {"content", "x"}}), "invalid role");
  EXPECT_EQ(put("a", {{"role", "user"}}), "invalid content");
  EXPECT_EQ(put("a", {{"role", "user"}, {"content", 5}}), "invalid content");
  EXPECT_EQ(put("a", {{"role", "user"}, {"content", {{{"text", "no type"}}}}}), "invalid content");
  EXPECT_EQ(put("a", {{"role", "user"}, {"content", {{{"type", "text"}}}}}), "invalid content");
  EXPECT_EQ(put("a", {{"role", "user"}, {"content", "x"}, {"finish", "done"}}), "invalid finish");
  EXPECT_EQ(put("a", {{"role", "user"}, {"content", "x"}, {"stats", 1}}), "invalid stats");
  EXPECT_EQ(put("a", {{"role", "user"}, {"content", "x"}, {"extra", 1}}), "invalid extra");
  EXPECT_EQ(put("a", Json::array()), "invalid");
  EXPECT_EQ(ids(store.conversation("a")["messages"]), "m1");
}

void many_threads_write_and_read(Store& store) {
  constexpr int kThreads = 6, kMessages = 12;
  for (const char* id : {"a", "b"}) store.create_conversation({{"id", id}});
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      try {
        for (int i = 0; i < kMessages; ++i) {
          const std::string id = std::to_string(t) + "-" + std::to_string(i);
          store.put_message(t % 2 ? "a" : "b", id, {{"role", "user"}, {"content", "text of " + id}});
          store.conversations("text");
          store.conversation("a");
        }
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
        ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(failures, 0);
  for (const char* id : {"a", "b"}) {
    const Json messages = store.conversation(id)["messages"];
    EXPECT_EQ(messages.size(), size_t{kThreads / 2 * kMessages});
    for (const Json& message : messages) EXPECT_EQ(message["content"], "text of " + message["id"].get<std::string>());
  }
}

}  // namespace

std::vector<StoreCase> message_cases() {
  return {{"KeepsEveryField", keeps_every_field},
          {"ReplacesWhileAnAnswerStreams", replaces_while_an_answer_streams},
          {"BranchesShareAParent", branches_share_a_parent},
          {"TheSameIdInTwoConversations", the_same_id_in_two_conversations},
          {"RefusesToMoveAMessage", refuses_to_move_a_message},
          {"RefusesAMessageWithoutItsPlace", refuses_a_message_without_its_place},
          {"ManyThreadsWriteAndRead", many_threads_write_and_read}};
}

}  // namespace orrery::serve
