// Every case on a real PostgreSQL server, and what only a server can do.
#include <soci/postgresql/soci-postgresql.h>

#include <thread>

#include "../formats/support.h"
#include "postgres_server.h"
#include "store_cases.h"
#include "store_schema_001.h"

namespace orrery::serve {
namespace {

using formats::error_message;

// One server for all that runs in this process.
class PostgresStore : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresServer::installed()) GTEST_SKIP() << "no PostgreSQL: install Debian's package postgresql";
    if (!server_) server_ = std::make_unique<PostgresServer>();
  }
  static void TearDownTestSuite() { server_.reset(); }
  static PostgresServer& server() { return *server_; }

 private:
  static inline std::unique_ptr<PostgresServer> server_;
};

// One test for all cases: each test may be a process of its own, and a server takes seconds to make.
TEST_F(PostgresStore, DoesEveryCase) {
  for (const StoreCase& one : store_cases()) {
    SCOPED_TRACE(one.name);
    Store store(server().new_schema());
    one.run(store);
  }
}

TEST_F(PostgresStore, ComesBackAfterTheServerDoes) {
  Store store(server().new_schema(), {.connections = 2});
  talk(store, "a", {"one"});
  server().stop();
  EXPECT_EQ(refusal([&] { store.conversation("a"); }), "unavailable");
  EXPECT_EQ(refusal([&] { store.put_message("a", "m2", {{"role", "user"}, {"content", "x"}}); }), "unavailable");
  server().start();
  EXPECT_EQ(ids(store.conversation("a")["messages"]), "m1");
  // Nobody has noticed this time that the server was away.
  server().stop();
  server().start();
  store.put_message("a", "m2", {{"role", "user"}, {"content", "x"}});
  EXPECT_EQ(ids(store.conversation("a")["messages"]), "m1 m2");
}

TEST_F(PostgresStore, AConnectionThatIsCutFailsOneCallAtMost) {
  Store store(server().new_schema());
  talk(store, "a", {"one"});
  server().execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'orrery'");
  refusal([&] { store.conversation("a"); });  // the server may cut it in the middle
  EXPECT_EQ(refusal([&] { store.conversation("a"); }), "nothing");
}

TEST_F(PostgresStore, ReplicasOpenANewDatabaseAtOnce) {
  for (int round = 0; round < 5; ++round) {
    const std::string url = server().new_schema();
    std::vector<std::thread> replicas;
    for (int i = 0; i < 4; ++i) {
      replicas.emplace_back([&, i] {
        EXPECT_EQ(error_message([&] {
                    Store store(url);
                    store.create_conversation({{"id", "c" + std::to_string(i)}});
                  }),
                  "no error");
      });
    }
    for (std::thread& replica : replicas) replica.join();
    EXPECT_EQ(Store(url).conversations("")["conversations"].size(), 4u);
  }
}

TEST_F(PostgresStore, ReplicasWriteToOneConversation) {
  const std::string url = server().new_schema();
  Store(url).create_conversation({{"id", "a"}});
  std::vector<std::thread> replicas;
  for (int i = 0; i < 4; ++i) {
    replicas.emplace_back([&, i] {
      EXPECT_EQ(
          error_message([&] {
            Store store(url);
            for (int k = 0; k < 20; ++k) {
              store.put_message("a", std::to_string(i) + "-" + std::to_string(k), {{"role", "user"}, {"content", "x"}});
            }
          }),
          "no error");
    });
  }
  for (std::thread& replica : replicas) replica.join();
  const auto conversation = Store(url).conversation("a");
  EXPECT_EQ(conversation["messages"].size(), 80u);
  EXPECT_EQ(conversation["head"], conversation["messages"].back()["id"]);
}

TEST_F(PostgresStore, MigratesAnOlderSchema) {
  const std::string url = server().new_schema();
  {
    soci::session session(soci::postgresql, url);
    make_schema_001(session);
  }
  for (int i = 0; i < 2; ++i) {
    Store store(url);
    check_migrated(store, i);
  }
}

TEST_F(PostgresStore, RefusesANewerSchema) {
  const std::string url = server().new_schema();
  Store(url).create_conversation({{"id", "a"}});
  soci::session session(soci::postgresql, url);
  session << "INSERT INTO orrery_schema VALUES (999, 'from the future', 0)";
  EXPECT_CONTAINS(error_message([&] { Store store(url); }), "schema version 999");
}

TEST_F(PostgresStore, SaysWhyItCannotOpen) {
  EXPECT_CONTAINS(error_message([&] { Store store(server().url("nowhere")); }), "database \"nowhere\" does not exist");
  EXPECT_CONTAINS(error_message([&] { Store store("postgresql://orrery@/x?host=/nowhere"); }), "/nowhere");
  server().execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
  EXPECT_CONTAINS(error_message([&] { Store store(server().url("latin")); }), "encoding LATIN1");
}

}  // namespace
}  // namespace orrery::serve
