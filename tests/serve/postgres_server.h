// A PostgreSQL server of the test's own: a new cluster in a temporary folder, a Unix socket there and no port.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

namespace orrery::serve {

class PostgresServer {
 public:
  /// Whether the programs are installed (Debian's package postgresql).
  static bool installed();

  /// Runs initdb and starts the server; throws std::runtime_error with the server's log when it does not answer.
  PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  /// Stops the server and removes its folder.
  ~PostgresServer();

  void start();
  void stop();

  /// A URL of this database, "postgres" is there from the beginning; more parameters as "&name=value".
  std::string url(const std::string& database = "postgres", const std::string& more = {}) const;
  /// A URL of a new, empty schema.
  std::string new_schema();
  /// Runs one statement.
  void execute(const std::string& statement) const;

 private:
  std::filesystem::path folder_;
  pid_t server_ = -1;
  int schemas_ = 0;
};

}  // namespace orrery::serve
