#include "orrery/serve/store/rows.h"

#include <nlohmann/json.hpp>

namespace orrery::serve {

Json json_string(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

Json json_value(const std::optional<std::string>& text) {
  if (!text) return nullptr;
  try {
    return Json::parse(*text);
  } catch (const Json::exception&) {
    throw StoreError(StoreError::Kind::kUnavailable,
                     {.doing = "read the database", .found = "a damaged row", .expected = "JSON text"});
  }
}

void check_page(const std::string& doing, const Page& page) {
  if (page.limit >= 1 && page.limit <= StoreLimits::kPageRows) return;
  refuse(doing, "limit", std::to_string(page.limit), "1 to " + std::to_string(StoreLimits::kPageRows));
}

void not_found(const std::string& doing, const std::string& what, const std::string& id) {
  throw StoreError(StoreError::Kind::kNotFound, {.doing = doing, .found = "no " + what + " " + id});
}

void conflict(const std::string& doing, const std::string& where, std::string found) {
  throw StoreError(StoreError::Kind::kConflict, {.doing = doing, .where = where, .found = std::move(found)});
}

}  // namespace orrery::serve
