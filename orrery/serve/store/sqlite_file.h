// A SQLite file before and after SQLite opens it.
#pragma once

#include <soci/soci.h>

#include "orrery/serve/store/database_url.h"

namespace orrery::serve {

/// Makes the file (only its owner may read it) where it is missing. Throws Error naming the path when it cannot be read
/// and written, or holds something else than a SQLite database; it is unchanged then.
void prepare_sqlite_file(const DatabaseUrl& url);

/// SOCI's connection string of that path. Throws Error for a path that SOCI cannot express.
std::string sqlite_connect_string(const DatabaseUrl& url);

/// Sets what every connection needs: durable commits, foreign keys, patience with other processes. Throws
/// soci::soci_error, Error.
void set_up_sqlite(soci::session& session, int locked_seconds);

}  // namespace orrery::serve
