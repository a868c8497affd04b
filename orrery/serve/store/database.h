// Connections and transactions; what SOCI throws becomes StoreError.
#pragma once

#include <soci/soci.h>

#include <functional>
#include <string>

#include "orrery/serve/store/database_url.h"
#include "orrery/serve/store/store.h"

namespace orrery::serve {

/// A pool of connections: one to a SQLite file, several to PostgreSQL, where a lost one is opened again. Thread-safe.
class Database {
 public:
  using Work = std::function<void(soci::session&)>;

  /// Opens the first connection and migrates. Throws Error.
  Database(DatabaseUrl url, const StoreOptions& options);

  /// Runs the work in a transaction that sees one state of the database. `doing` is for messages.
  void read(const char* doing, const Work& work);
  /// Runs the work in a transaction and commits it durably; rolls back what throws.
  void write(const char* doing, const Work& work);

  const std::string& name() const { return url_.shown; }

 private:
  void connect(soci::session& session);
  bool connected(soci::session& session) const;
  void begin(soci::session& session, const std::string& statement);
  void roll_back(soci::session& session);
  void transaction(const char* doing, const std::string& begin_statement, const Work& work);

  const DatabaseUrl url_;
  const StoreOptions options_;
  soci::connection_pool pool_;
};

}  // namespace orrery::serve
