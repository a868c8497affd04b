// A database of schema version 1, and what must be in it after it was migrated.
#pragma once

#include <soci/soci.h>

#include "store_cases.h"

namespace orrery::serve {

/// Runs tests/fixtures/serve/schema_001.sql.
void make_schema_001(soci::session& session);

/// Everything old is there, and what came later works; adds one preference to the `preferences` that are there.
void check_migrated(Store& store, int preferences);

}  // namespace orrery::serve
