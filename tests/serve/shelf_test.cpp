// Models that come, stay and go while requests have them.
#include "orrery/serve/models/shelf.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

#include "orrery/serve/refusal.h"

namespace orrery::serve {
namespace {

const std::string kFuyu = std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures/fuyu";

ModelEntry entry(const std::string& name, int64_t context = 64) {
  return {.name = name, .path = kFuyu, .engine = {.threads = 1, .context = context, .max_sequences = 1}};
}

std::shared_ptr<Model> opened(Shelf& shelf, const std::string& name) {
  std::promise<std::shared_ptr<Model>> model;
  shelf.use(name, [&](std::shared_ptr<Model> open, std::exception_ptr error) {
    error ? model.set_exception(error) : model.set_value(std::move(open));
  });
  return model.get_future().get();
}

bool comes(const std::function<bool()>& is) {
  for (int i = 0; i < 1000 && !is(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return is();
}

TEST(Shelf, KeepsWhatStaysTheSame) {
  Shelf shelf({entry("a"), entry("b")}, 0);
  const auto a = opened(shelf, "a");
  ModelEntry pinned = entry("a");
  pinned.pinned = true;
  shelf.replace({entry("c"), pinned}, 0);
  EXPECT_EQ(opened(shelf, "a"), a);
  EXPECT_THROW(opened(shelf, "b"), Refusal);
  EXPECT_EQ(opened(shelf, "")->name, "c");  // the first one
  ASSERT_EQ(shelf.list().size(), 2u);
  EXPECT_EQ(shelf.list()[0].name, "c");
}

TEST(Shelf, ClosesWhatLeavesItWhenItsLastRequestHasEnded) {
  Shelf shelf({entry("a"), entry("b")}, 0);
  auto a = opened(shelf, "a");
  const std::weak_ptr<Model> watch_a = a, watch_b = opened(shelf, "b");
  shelf.replace({entry("a", 128)}, 0);
  EXPECT_TRUE(comes([&] { return watch_b.expired(); }));
  const auto again = opened(shelf, "a");
  EXPECT_NE(again, a);
  EXPECT_EQ(again->engine.options().context, 128);
  auto stream = a->engine.submit({.prompt = {5, 6, 7}, .max_tokens = 3, .ignore_eos = true});  // it still answers
  text::StreamEvent event;
  while (stream.next(event)) continue;
  EXPECT_EQ(event.finish, text::FinishReason::kLength);
  EXPECT_FALSE(watch_a.expired());
  a.reset();
  EXPECT_TRUE(comes([&] { return watch_a.expired(); }));
}

TEST(Shelf, OpensWhatIsPinnedAndHonoursTheNewLimit) {
  Shelf shelf({entry("a")}, 0);
  const std::weak_ptr<Model> a = opened(shelf, "a");
  ModelEntry pinned = entry("p");
  pinned.pinned = true;
  shelf.replace({entry("a"), pinned}, 1);  // a byte: only what is pinned stays
  EXPECT_TRUE(comes([&] { return shelf.list()[1].model != nullptr; }));
  EXPECT_TRUE(comes([&] { return a.expired(); }));
  EXPECT_NE(shelf.list()[1].model, nullptr);
}

TEST(Shelf, ChecksWhatIsNewBeforeItCounts) {
  ModelEntry gone = entry("gone"), adapted = entry("adapted");
  gone.path = "/none";
  adapted.adapters = {{"x", "/none"}};
  const Shelf shelf({entry("a"), gone}, 0);
  EXPECT_NO_THROW(shelf.check({entry("a"), entry("new"), gone}));  // gone is on it already
  adapted.name = "a";
  EXPECT_THROW(shelf.check({adapted}), Error);
  EXPECT_THROW(shelf.check({entry("a", 100000)}), Error);  // more context than the model has
  gone.name = "new";
  EXPECT_THROW(shelf.check({gone}), Error);
}

}  // namespace
}  // namespace orrery::serve
