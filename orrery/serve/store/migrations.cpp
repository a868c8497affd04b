#include "orrery/serve/store/migrations.h"

#include <chrono>
#include <string>
#include <vector>

#include "orrery/base/error.h"

namespace orrery::serve {
namespace {

std::vector<std::string> statements_of(std::string_view sql) {
  std::vector<std::string> statements;
  std::string statement;
  while (!sql.empty()) {
    const size_t end = std::min(sql.find('\n'), sql.size() - 1);
    const std::string_view line = sql.substr(0, end + 1);
    sql.remove_prefix(end + 1);
    if (line.starts_with("--") || line == "\n") continue;
    statement += line;
    if (line.ends_with(";\n")) statements.push_back(std::move(statement)), statement.clear();
  }
  return statements;
}

// The lock that makes processes wait for each other, until the transaction ends.
void begin_alone(soci::session& session, const DatabaseUrl& url) {
  if (url.postgres()) {
    session << "BEGIN";
    session << "SELECT pg_advisory_xact_lock(122537336205945)";  // "orrery" in ASCII
  } else {
    session << "BEGIN IMMEDIATE";
  }
}

bool has_table(soci::session& session, const DatabaseUrl& url) {
  int count = 0;
  if (url.postgres()) {
    session << "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = "
               "'orrery_schema'",
        soci::into(count);
  } else {
    session << "SELECT count(*) FROM sqlite_master WHERE name = 'orrery_schema'", soci::into(count);
  }
  return count != 0;
}

// A SQLite file is ours alone; on a server other tables may stand beside ours.
void refuse_strangers(soci::session& session, const DatabaseUrl& url) {
  if (url.postgres()) return;
  int tables = 0;
  session << "SELECT count(*) FROM sqlite_master", soci::into(tables);
  if (tables == 0) return;
  throw Error({.doing = "open the database",
               .where = url.shown,
               .found = "another program's tables",
               .expected = "a database of Orrery, or a new file"});
}

int applied_version(soci::session& session, const DatabaseUrl& url) {
  if (!has_table(session, url)) {
    refuse_strangers(session, url);
    return 0;
  }
  int version = 0;
  session << "SELECT coalesce(max(version), 0) FROM orrery_schema", soci::into(version);
  const int newest = migrations().back().number;
  if (version <= newest) return version;
  throw Error({.doing = "open the database",
               .where = url.shown,
               .found = "schema version " + std::to_string(version),
               .expected = "at most " + std::to_string(newest),
               .advice = "a newer Orrery has written it: use that one, or another database"});
}

void apply(soci::session& session, const DatabaseUrl& url, const Migration& migration) {
  if (!has_table(session, url)) {
    session << "CREATE TABLE orrery_schema (version BIGINT PRIMARY KEY NOT NULL, name TEXT NOT NULL, applied_at BIGINT "
               "NOT NULL)";
  }
  for (const std::string& statement : statements_of(migration.sql)) session << statement;
  const std::string name(migration.name);
  const long long now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  session << "INSERT INTO orrery_schema (version, name, applied_at) VALUES (:version, :name, :now)",
      soci::use(migration.number, "version"), soci::use(name, "name"), soci::use(now, "now");
}

}  // namespace

void migrate(soci::session& session, const DatabaseUrl& url) {
  for (bool done = false; !done;) {
    begin_alone(session, url);
    try {
      const auto version = static_cast<size_t>(applied_version(session, url));
      done = version == migrations().size();
      if (!done) apply(session, url, migrations()[version]);
      session << "COMMIT";
    } catch (...) {
      try {
        session << "ROLLBACK";
      } catch (const soci::soci_error&) {
        // The first error says what is wrong.
      }
      throw;
    }
  }
}

}  // namespace orrery::serve
