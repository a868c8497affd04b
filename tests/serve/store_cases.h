// What every database must do: each case gets a new, empty store. Run on SQLite and on PostgreSQL.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "orrery/serve/store/store.h"

namespace orrery::serve {

struct StoreCase {
  const char* name;
  void (*run)(Store&);
};

std::vector<StoreCase> store_cases();
std::vector<StoreCase> conversation_cases();
std::vector<StoreCase> message_cases();
std::vector<StoreCase> preference_cases();
std::vector<StoreCase> hostile_cases();

/// "invalid title", "not found", "conflict id", "unavailable", or "nothing" for an action that does not throw.
std::string refusal(const std::function<void()>& action);

/// A conversation of that id with these user messages m1, m2, ..., each the parent of the next.
void talk(Store& store, const std::string& id, const std::vector<std::string>& texts, const std::string& title = "");

/// Ids of a list's rows, in order, with a blank between them.
std::string ids(const Store::Json& rows);

/// So that the next call has a later time than the last.
void next_millisecond();

}  // namespace orrery::serve
