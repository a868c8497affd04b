// Which database is meant: a SQLite file or a PostgreSQL server.
#pragma once

#include <filesystem>
#include <string>

namespace orrery::serve {

struct DatabaseUrl {
  std::filesystem::path path;  ///< absolute, of a SQLite file; empty for PostgreSQL
  bool make_folder = false;    ///< the default path: its folder is ours to make
  std::string conninfo;        ///< libpq's connection string
  std::string shown;           ///< for messages: no password

  bool postgres() const { return path.empty(); }
};

/// Reads what Store's constructor takes. Throws Error for an unknown scheme, a malformed URL, or when no home folder is
/// known.
DatabaseUrl parse_database_url(const std::string& database);

}  // namespace orrery::serve
