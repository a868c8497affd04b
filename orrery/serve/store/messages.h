// The messages of a conversation, inside a transaction.
#pragma once

#include <soci/soci.h>

#include "orrery/serve/store/fields.h"

namespace orrery::serve {

bool has_message(soci::session& session, const std::string& conversation, const std::string& id);

/// All, in the order of their creation.
Json read_messages(soci::session& session, const std::string& conversation);

}  // namespace orrery::serve
