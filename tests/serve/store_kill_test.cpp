// kill -9 while a process writes: what it was told is saved is there, and nothing is half there.
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>
#include <sstream>

#include "../formats/support.h"
#include "store_cases.h"

namespace orrery::serve {
namespace {

using Json = Store::Json;

// Long enough for several pages of the database, and every version differs everywhere.
std::string text_of(const std::string& message, int version) {
  std::string text;
  while (text.size() < 20'000) text += message + " version " + std::to_string(version) + "\n";
  return text;
}

// Writes conversations of four messages, each in five versions, until it is killed; says on the descriptor what was
// acknowledged.
[[noreturn]] void write_for_ever(const std::string& path, int round, int acknowledged) {
  Store store(path);
  for (int c = 0;; ++c) {
    const std::string conversation = "r" + std::to_string(round) + "c" + std::to_string(c);
    store.create_conversation({{"id", conversation}});
    Json parent = nullptr;
    for (int m = 0; m < 4; ++m) {
      const std::string message = "m" + std::to_string(m);
      for (int version = 1; version <= 5; ++version) {
        store.put_message(conversation, message,
                          {{"parent", parent}, {"role", "user"}, {"content", text_of(message, version)}});
        const std::string line = conversation + " " + message + " " + std::to_string(version) + "\n";
        if (::write(acknowledged, line.data(), line.size()) < 0) ::_exit(1);
      }
      parent = message;
    }
  }
}

// Acknowledged versions by conversation and message, of a child that was killed after about that time.
std::map<std::pair<std::string, std::string>, int> write_and_kill(const std::string& path, int round,
                                                                  int microseconds) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    try {
      write_for_ever(path, round, ends[1]);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
      ::_exit(1);
    }
  }
  ::close(ends[1]);
  char buffer[4096];
  ssize_t count = ::read(ends[0], buffer, sizeof buffer);  // it has begun
  std::string lines(buffer, static_cast<size_t>(std::max<ssize_t>(count, 0)));
  ::usleep(static_cast<useconds_t>(microseconds));
  ::kill(child, SIGKILL);
  while ((count = ::read(ends[0], buffer, sizeof buffer)) > 0) lines.append(buffer, static_cast<size_t>(count));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

  std::map<std::pair<std::string, std::string>, int> acknowledged;
  std::istringstream stream(lines);
  std::string conversation, message;
  int version = 0;
  while (stream >> conversation >> message >> version) acknowledged[{conversation, message}] = version;
  return acknowledged;
}

void expect_sound(const std::string& path) {
  soci::session session(soci::sqlite3, path);
  std::string report;
  session << "PRAGMA integrity_check", soci::into(report);
  EXPECT_EQ(report, "ok");
  std::string table;
  session << "PRAGMA foreign_key_check", soci::into(table);
  EXPECT_FALSE(session.got_data()) << table;
}

TEST(StoreKilled, KeepsWhatItAcknowledged) {
  const formats::TemporaryFolder folder;
  const std::string path = (folder.path() / "x.db").string();
  std::mt19937 random(20231130);
  for (int round = 0; round < 20; ++round) {
    const auto acknowledged = write_and_kill(path, round, static_cast<int>(random() % 60'000));
    ASSERT_FALSE(acknowledged.empty());
    Store store(path);
    expect_sound(path);
    for (const auto& [key, version] : acknowledged) {
      const Json conversation = store.conversation(key.first);
      bool found = false;
      for (const Json& message : conversation["messages"]) {
        if (message["id"] != key.second) continue;
        found = true;
        const auto content = message["content"].get<std::string>();
        // The version after the last acknowledged one may have been committed too.
        EXPECT_TRUE(content == text_of(key.second, version) || content == text_of(key.second, version + 1))
            << key.first << " " << key.second << " version " << version << ": " << content.substr(0, 30);
      }
      EXPECT_TRUE(found) << key.first << " " << key.second;
      EXPECT_EQ(conversation["head"], conversation["messages"].back()["id"]);
    }
  }
}

}  // namespace
}  // namespace orrery::serve
