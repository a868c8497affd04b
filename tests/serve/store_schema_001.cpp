#include "store_schema_001.h"

#include "orrery/base/file.h"

namespace orrery::serve {

void make_schema_001(soci::session& session) {
  const std::string text = read_text(std::filesystem::path(ORRERY_SOURCE_DIR) / "tests/fixtures/serve/schema_001.sql");
  for (size_t start = text.find('\n') + 1; start < text.size();) {
    const size_t end = text.find(";\n", start);
    if (end == std::string::npos) break;
    session << text.substr(start, end - start);
    start = end + 2;
  }
}

void check_migrated(Store& store, int preferences) {
  using Json = Store::Json;
  const Json old = store.conversation("old");
  EXPECT_EQ(old["title"], "Straße");
  EXPECT_EQ(old["settings"], Json({{"temperature", 0.5}}));
  EXPECT_EQ(old["updated_at"], 1'700'000'000'003);
  EXPECT_EQ(old["head"], "r");
  ASSERT_EQ(ids(old["messages"]), "q r");
  EXPECT_EQ(old["messages"][1]["content"], "Because.");
  EXPECT_EQ(ids(store.conversations("BECAUSE")["conversations"]), "old");
  const Json text = {{{"role", "user"}, {"content", "x"}}};
  store.add_preference(
      {{"prompt", text}, {"chosen", text}, {"rejected", text}, {"chosen_model", "a"}, {"rejected_model", "b"}});
  EXPECT_EQ(store.preferences()["total"], preferences + 1);
}

}  // namespace orrery::serve
