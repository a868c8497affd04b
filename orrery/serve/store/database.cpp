#include "orrery/serve/store/database.h"

#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>

#include "orrery/serve/store/migrations.h"
#include "orrery/serve/store/sqlite_file.h"

namespace orrery::serve {
namespace {

// One line, without SOCI's context, which holds the values that were to be written.
std::string text_of(const soci::soci_error& error) {
  std::string text = error.get_error_message();
  if (text.starts_with("sqlite3_")) text.erase(0, text.find(": ") + 2);  // the name of SOCI's function
  std::replace(text.begin(), text.end(), '\n', ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

StoreError unavailable(const char* doing, const std::string& where, std::string found) {
  return StoreError(StoreError::Kind::kUnavailable, {.doing = doing, .where = where, .found = std::move(found)});
}

PGconn* postgres_connection(soci::session& session) {
  auto* backend = static_cast<soci::postgresql_session_backend*>(session.get_backend());
  return backend == nullptr ? nullptr : backend->conn_;
}

void set_up_postgres(soci::session& session) {
  // A library prints nothing: libpq's own answer to a notice is a line on standard error.
  PQsetNoticeProcessor(
      postgres_connection(session), [](void*, const char*) {}, nullptr);
  std::string encoding;
  session << "SHOW server_encoding", soci::into(encoding);
  if (encoding != "UTF8") {
    throw StoreError(StoreError::Kind::kUnavailable,
                     {.doing = "open the database",
                      .found = "the encoding " + encoding,
                      .expected = "UTF8",
                      .advice = "CREATE DATABASE orrery ENCODING 'UTF8' TEMPLATE template0"});
  }
}

// A connection of the pool, for as long as this lives.
class Lease {
 public:
  Lease(soci::connection_pool& pool, int seconds) : pool_(pool), leased_(pool.try_lease(position_, seconds * 1000)) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (leased_) pool_.give_back(position_);
  }
  soci::session* session() { return leased_ ? &pool_.at(position_) : nullptr; }

 private:
  soci::connection_pool& pool_;
  size_t position_ = 0;
  bool leased_;
};

}  // namespace

Database::Database(DatabaseUrl url, const StoreOptions& options)
    : url_(std::move(url)),
      options_(options),
      pool_(url_.postgres() ? static_cast<size_t>(std::max(1, options.connections)) : 1) {
  if (!url_.postgres()) prepare_sqlite_file(url_);
  const char* doing = "open the database";
  try {
    Lease lease(pool_, options_.wait_seconds);
    connect(*lease.session());
    migrate(*lease.session(), url_);
  } catch (const soci::soci_error& error) {
    throw unavailable(doing, url_.shown, text_of(error));
  }
}

void Database::connect(soci::session& session) {
  if (session.get_backend() != nullptr) session.close();
  if (url_.postgres()) {
    session.open(soci::postgresql, url_.conninfo);
    set_up_postgres(session);
  } else {
    session.open(soci::sqlite3, sqlite_connect_string(url_));
    set_up_sqlite(session, options_.locked_seconds);
  }
}

bool Database::connected(soci::session& session) const {
  if (session.get_backend() == nullptr) return false;
  return !url_.postgres() || PQstatus(postgres_connection(session)) == CONNECTION_OK;
}

// A connection that was never opened, or lost since the last call, fails the first statement. Nothing has been done
// then, so that it can simply be said again to a new connection.
void Database::begin(soci::session& session, const std::string& statement) {
  try {
    session << statement;
  } catch (const soci::soci_error&) {
    if (connected(session)) throw;
    connect(session);
    session << statement;
  }
}

void Database::roll_back(soci::session& session) {
  try {
    session << "ROLLBACK";
  } catch (const soci::soci_error&) {
    // SQLite has rolled back by itself (a full disk). On a server nothing is known: a new connection next time.
    if (url_.postgres()) session.close();
  }
}

void Database::transaction(const char* doing, const std::string& begin_statement, const Work& work) {
  Lease lease(pool_, options_.wait_seconds);
  soci::session* session = lease.session();
  if (session == nullptr) throw unavailable(doing, url_.shown, "every connection busy");
  try {
    begin(*session, begin_statement);
  } catch (const soci::soci_error& error) {
    throw unavailable(doing, url_.shown, text_of(error));
  }
  try {
    work(*session);
    *session << "COMMIT";
  } catch (const soci::soci_error& error) {
    const std::string message = text_of(error);
    roll_back(*session);
    throw unavailable(doing, url_.shown, message);
  } catch (...) {
    roll_back(*session);
    throw;
  }
}

void Database::read(const char* doing, const Work& work) {
  transaction(doing, url_.postgres() ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN", work);
}

// IMMEDIATE: a transaction that reads first and writes later could find the file changed meanwhile and would have to
// start again.
void Database::write(const char* doing, const Work& work) {
  transaction(doing, url_.postgres() ? "BEGIN" : "BEGIN IMMEDIATE", work);
}

}  // namespace orrery::serve
