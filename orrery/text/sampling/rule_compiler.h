// Rules of a grammar, one finite automaton each.
#pragma once

#include <vector>

#include "orrery/text/sampling/finite_automaton.h"
#include "orrery/text/sampling/gbnf.h"

namespace orrery::text {

/// One automaton for the root and for every rule that is still called; empty for the others. Rules that do not call
/// themselves are written into their callers where that does not make the grammar much larger, so that most grammars
/// need few calls. Throws Error with line and column for grammars of more than 500,000 states.
std::vector<RuleAutomaton> compile_rules(const Gbnf& grammar);

}  // namespace orrery::text
