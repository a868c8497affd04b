// Resolves every name of a parsed template to its variable, and checks what jinja2's compiler checks.
#pragma once

#include "orrery/text/chat/jinja/ast.h"

namespace orrery::text::jinja {

/// Throws Failure for unknown filters and tests outside of if branches, break outside of a loop, and writes to `loop`.
void resolve_names(Template& source);

}  // namespace orrery::text::jinja
