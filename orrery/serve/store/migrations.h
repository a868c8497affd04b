// The numbered files of migrations/, compiled in, and what has been applied.
#pragma once

#include <soci/soci.h>

#include <span>
#include <string_view>

#include "orrery/serve/store/database_url.h"

namespace orrery::serve {

struct Migration {
  int number;             ///< 1, 2, ... without gaps
  std::string_view name;  ///< of the file, without number and ending
  std::string_view
      sql;  ///< statements that end with ";" and a newline, for SQLite and PostgreSQL alike; lines of "--" are comments
};

/// All that this program knows, in order.
std::span<const Migration> migrations();

/// Applies what is missing, each file in a transaction of its own, and records it in the table orrery_schema. Processes
/// that open the same database at once wait for each other. Throws Error when the database is newer than this program
/// or another program's, and then changes nothing; soci::soci_error when a statement fails.
void migrate(soci::session& session, const DatabaseUrl& url);

}  // namespace orrery::serve
