// Every case on a SQLite file, and what only a file can suffer.
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "../formats/support.h"
#include "orrery/serve/store/database.h"
#include "store_cases.h"
#include "store_schema_001.h"

namespace orrery::serve {
namespace {

namespace fs = std::filesystem;
using formats::error_message;
using formats::TemporaryFolder;
using Json = Store::Json;

class SqliteStore : public testing::TestWithParam<StoreCase> {};

TEST_P(SqliteStore, Does) {
  const TemporaryFolder folder;
  Store store((folder.path() / "studio.db").string());
  GetParam().run(store);
}

INSTANTIATE_TEST_SUITE_P(Case, SqliteStore, testing::ValuesIn(store_cases()),
                         [](const auto& info) { return std::string(info.param.name); });

int mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return static_cast<int>(status.st_mode & 0777);
}

// Runs in a child process; its exit status, or -1 when a signal ended it.
int in_child(const std::function<int()>& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      ::_exit(action());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
      ::_exit(99);
    }
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(SqliteFile, KeepsWhatWasWritten) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "a=b 'c' ü.db").string();
  Json before;
  {
    Store store(path);
    talk(store, "a", {"one", "two"}, "title");
    before = store.conversation("a");
  }
  EXPECT_EQ(Store("sqlite://" + path).conversation("a"), before);
  EXPECT_EQ(Store(path).name(), path);
}

TEST(SqliteFile, OnlyItsOwnerMayRead) {
  const TemporaryFolder folder;
  const std::string before = std::getenv("XDG_DATA_HOME") ? std::getenv("XDG_DATA_HOME") : "";
  ::setenv("XDG_DATA_HOME", (folder.path() / "new/data").c_str(), 1);
  Store store;
  before.empty() ? ::unsetenv("XDG_DATA_HOME") : ::setenv("XDG_DATA_HOME", before.c_str(), 1);
  store.create_conversation({{"id", "a"}});
  const fs::path home = folder.path() / "new/data/orrery";
  EXPECT_EQ(store.name(), home / "studio.db");
  EXPECT_EQ(mode_of(home), 0700);
  EXPECT_EQ(mode_of(home.parent_path()), 0700);
  EXPECT_EQ(mode_of(home / "studio.db"), 0600);
  EXPECT_EQ(mode_of(home / "studio.db-wal"), 0600);
}

TEST(SqliteFile, CommitsAreSyncedAndReferencesChecked) {
  const TemporaryFolder folder;
  Database database(parse_database_url((folder.path() / "x.db").string()), {});
  database.read("read the settings", [](soci::session& session) {
    std::string mode;
    int synchronous = 0, foreign_keys = 0;
    session << "PRAGMA journal_mode", soci::into(mode);
    session << "PRAGMA synchronous", soci::into(synchronous);
    session << "PRAGMA foreign_keys", soci::into(foreign_keys);
    EXPECT_EQ(mode, "wal");
    EXPECT_EQ(synchronous, 2) << "FULL";
    EXPECT_EQ(foreign_keys, 1);
  });
}

TEST(SqliteFile, RefusesWhatIsNoDatabaseAndLeavesItAlone) {
  const TemporaryFolder folder;
  for (const std::string& text : {std::string("x"), std::string("SQLite format 2\0", 16), std::string("dear diary\n"),
                                  std::string(100'000, '\0')}) {
    const fs::path path = folder.write("diary.txt", text);
    EXPECT_CONTAINS(error_message([&] { Store store(path.string()); }), "no SQLite database");
    EXPECT_EQ(read_text(path), text);
    EXPECT_FALSE(fs::exists(path.string() + "-wal"));
  }
  EXPECT_CONTAINS(error_message([&] { Store store(folder.path().string()); }), "directory");
  EXPECT_CONTAINS(error_message([&] { Store store("/dev/null"); }), "no regular file");
  EXPECT_CONTAINS(error_message([&] { Store store((folder.path() / "none/x.db").string()); }), "No such file");
}

TEST(SqliteFile, RefusesADamagedDatabaseAndLeavesItAlone) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.db";
  {
    Store store(path.string());
    talk(store, "a", {"one"});
  }
  std::string bytes = read_text(path);
  for (size_t i = 100; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  folder.write("x.db", bytes);
  EXPECT_CONTAINS(error_message([&] { Store store(path.string()); }), "malformed");
  EXPECT_EQ(read_text(path), bytes);
}

TEST(SqliteFile, RefusesAnotherProgramsDatabase) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.db";
  soci::session session(soci::sqlite3, path.string());
  session << "CREATE TABLE places (url TEXT)";
  EXPECT_CONTAINS(error_message([&] { Store store(path.string()); }), "another program's tables");
  int tables = 0;
  session << "SELECT count(*) FROM sqlite_master", soci::into(tables);
  EXPECT_EQ(tables, 1);
}

TEST(SqliteFile, RefusesANewerSchema) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.db";
  Store(path.string()).create_conversation({{"id", "a"}});
  soci::session session(soci::sqlite3, path.string());
  session << "INSERT INTO orrery_schema VALUES (999, 'from the future', 0)";
  const std::string message = error_message([&] { Store store(path.string()); });
  EXPECT_CONTAINS(message, "schema version 999");
  EXPECT_CONTAINS(message, "newer Orrery");
  session << "DELETE FROM orrery_schema WHERE version = 999";
  EXPECT_EQ(Store(path.string()).conversation("a")["id"], "a");
}

TEST(SqliteFile, MigratesAnOlderSchema) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.db";
  {
    soci::session session(soci::sqlite3, path.string());
    make_schema_001(session);
  }
  for (int i = 0; i < 2; ++i) {  // the second time there is nothing to do
    Store store(path.string());
    check_migrated(store, i);
  }
}

TEST(SqliteFile, ReadOnlyFolder) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.db";
  Store(path.string()).create_conversation({{"id", "a"}});
  const int status = in_child([&] {
    fs::permissions(path, fs::perms(0666));
    fs::permissions(folder.path(), fs::perms(0555));
    if (::getuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return 10;
    const std::string missing = error_message([&] { Store store((folder.path() / "y.db").string()); });
    const std::string there = error_message([&] { Store store(path.string()); });
    if (missing.find("Permission denied") == std::string::npos) return 11;
    return there == "no error" ? 12 : 0;
  });
  fs::permissions(folder.path(), fs::perms(0700));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Store(path.string()).conversation("a")["id"], "a");
}

// A file-size limit refuses writes as a full disk does.
TEST(SqliteFile, AFullDiskLosesNothingAndPasses) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "x.db").string();
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    Store store(path);
    talk(store, "a", {"one"});
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit small{.rlim_cur = 1 << 20, .rlim_max = limit.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Json body = {{"role", "user"}, {"content", std::string(4 << 20, 'x')}};
    if (refusal([&] { store.put_message("a", "m2", body); }) != "unavailable") return 10;
    if (ids(store.conversation("a")["messages"]) != "m1") return 11;
    store.put_message("a", "m3", {{"role", "user"}, {"content", "a small one fits"}});
    ::setrlimit(RLIMIT_FSIZE, &limit);
    store.put_message("a", "m2", body);
    return ids(store.conversation("a")["messages"]) == "m1 m3 m2" ? 0 : 12;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ids(Store(path).conversation("a")["messages"]), "m1 m3 m2");
}

TEST(SqliteFile, ProcessesOpenANewFileAtOnce) {
  constexpr int kProcesses = 8;
  for (int round = 0; round < 10; ++round) {
    const TemporaryFolder folder;
    const std::string path = (folder.path() / "x.db").string();
    int gate[2];
    ASSERT_EQ(::pipe(gate), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::close(gate[1]);
        char byte;
        while (::read(gate[0], &byte, 1) > 0) {  // until the gate is closed for all at once
        }
        const std::string message = error_message([&] {
          Store store(path);
          store.create_conversation({{"id", "c" + std::to_string(i)}});
        });
        if (message != "no error") std::fprintf(stderr, "in the child: %s\n", message.c_str());
        ::_exit(message == "no error" ? 0 : 1);
      }
      children.push_back(child);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    for (const pid_t child : children) {
      int status = 0;
      ::waitpid(child, &status, 0);
      EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(Store(path).conversations("")["conversations"].size(), size_t{kProcesses});
  }
}

// Each with a connection of its own, as processes have. A change reads before it writes: it must not be overtaken in
// between.
TEST(SqliteFile, SeveralWriteToOneFile) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "x.db").string();
  Store(path).create_conversation({{"id", "a"}});
  std::vector<std::thread> writers;
  for (int i = 0; i < 3; ++i) {
    writers.emplace_back([&, i] {
      EXPECT_EQ(error_message([&] {
                  Store store(path);
                  for (int k = 0; k < 30; ++k) {
                    const std::string id = std::to_string(i) + "-" + std::to_string(k);
                    store.put_message("a", id, {{"role", "user"}, {"content", "x"}});
                    store.change_conversation("a", {{"title", id}});
                  }
                }),
                "no error");
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Store(path).conversation("a")["messages"].size(), 90u);
}

TEST(SqliteFile, AConversationHasALimit) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "x.db").string();
  Store store(path);
  talk(store, "a", {std::string(1000, 'x')});
  {
    soci::session session(soci::sqlite3, path);
    session << "UPDATE conversations SET bytes = bytes + " << StoreLimits::kConversationBytes - 2000;
  }
  const Json body = {{"role", "user"}, {"content", std::string(1000, 'y')}};
  EXPECT_EQ(refusal([&] { store.put_message("a", "m2", body); }), "invalid content");
  store.put_message("a", "m1", {{"content", "small again"}});
  store.put_message("a", "m2", body);
  EXPECT_EQ(refusal([&] { store.put_message("a", "m1", body); }), "invalid content");
  EXPECT_EQ(ids(store.conversation("a")["messages"]), "m1 m2");
}

TEST(SqliteFile, SaysWhenAnotherProcessHoldsIt) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "x.db").string();
  Store store(path, {.locked_seconds = 0});
  soci::session session(soci::sqlite3, path);
  session << "BEGIN IMMEDIATE";
  EXPECT_EQ(refusal([&] { store.create_conversation({{"id", "a"}}); }), "unavailable");
  EXPECT_EQ(store.conversations("")["conversations"], Json::array()) << "reading goes on";
  session << "ROLLBACK";
  store.create_conversation({{"id", "a"}});
}

}  // namespace
}  // namespace orrery::serve
