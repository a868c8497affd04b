// Preferences: votes between two answers, for alignment.
#include <nlohmann/json.hpp>

#include "orrery/serve/store/content.h"
#include "orrery/serve/store/database.h"
#include "orrery/serve/store/rows.h"

namespace orrery::serve {
namespace {

struct Preference {
  std::string id;
  Nullable conversation;
  std::string prompt, chosen, rejected, chosen_model, rejected_model, settings;
  long long created_at = 0;
};

Json json_of(const Preference& preference) {
  return {{"id", preference.id},
          {"conversation", json_string(preference.conversation.text())},
          {"prompt", json_value(preference.prompt)},
          {"chosen", json_value(preference.chosen)},
          {"rejected", json_value(preference.rejected)},
          {"chosen_model", preference.chosen_model},
          {"rejected_model", preference.rejected_model},
          {"settings", json_value(preference.settings)},
          {"created_at", preference.created_at}};
}

// A list of {"role","content"} as JSON text.
std::string messages_text(const StudioFields& fields, std::string_view name) {
  const Json& list = fields.required(name);
  if (!list.is_array() || list.empty()) refuse(fields.doing(), name, list.type_name(), "a list of messages, not empty");
  for (const Json& entry : list) {
    const StudioFields message(entry, fields.doing(), {"role", "content"});
    if (!message.one_of("role", {"system", "user", "assistant"}))
      refuse(fields.doing(), name, "a message without role", "a role");
    check_content(fields.doing(), name, message.required("content"));
  }
  return json_text(fields.doing(), name, list, StoreLimits::kPreferenceBytes);
}

std::string model_name(const StudioFields& fields, std::string_view name) {
  fields.required(name);
  return *fields.name(name);
}

Preference preference_of(const Json& body) {
  const StudioFields fields(
      body, "add a preference",
      {"id", "conversation", "prompt", "chosen", "rejected", "chosen_model", "rejected_model", "settings"});
  Preference preference{.id = fields.id("id").value_or(new_id()), .conversation = Nullable(fields.id("conversation"))};
  preference.prompt = messages_text(fields, "prompt");
  preference.chosen = messages_text(fields, "chosen");
  preference.rejected = messages_text(fields, "rejected");
  const size_t bytes = preference.prompt.size() + preference.chosen.size() + preference.rejected.size();
  if (bytes > StoreLimits::kPreferenceBytes) {
    refuse(fields.doing(), "prompt", std::to_string(bytes) + " bytes with chosen and rejected",
           "at most " + std::to_string(StoreLimits::kPreferenceBytes));
  }
  preference.chosen_model = model_name(fields, "chosen_model");
  preference.rejected_model = model_name(fields, "rejected_model");
  preference.settings = fields.object("settings").value_or("{}");
  preference.created_at = now_ms();
  return preference;
}

// Ids and times only: a page's records are read one by one, so that rows read ahead cost nothing.
struct Key {
  std::string id;
  long long created_at = 0;
};

std::vector<Key> newest_keys(soci::session& session, long long before, long long limit) {
  Key key;
  soci::statement select =
      (session.prepare << "SELECT id, created_at FROM preferences WHERE created_at < :before ORDER BY "
                          "created_at DESC, id DESC LIMIT :limit",
       soci::into(key.id), soci::into(key.created_at), soci::use(before, "before"), soci::use(limit, "limit"));
  select.execute();
  std::vector<Key> keys;
  while (select.fetch()) keys.push_back(key);
  return keys;
}

Json read_preference(soci::session& session, const std::string& id) {
  Preference row{.id = id};
  session << "SELECT conversation, prompt, chosen, rejected, chosen_model, rejected_model, settings, created_at FROM "
             "preferences WHERE id = :id",
      soci::into(row.conversation.value, row.conversation.state), soci::into(row.prompt), soci::into(row.chosen),
      soci::into(row.rejected), soci::into(row.chosen_model), soci::into(row.rejected_model), soci::into(row.settings),
      soci::into(row.created_at), soci::use(id, "id");
  return json_of(row);
}

// The record after the cursor as a line, and the cursor moves on to it; empty at the end.
std::string next_line(soci::session& session, PreferenceCursor& cursor) {
  const long long after = cursor.created_at;
  const std::string after_id = cursor.id;
  std::string id, prompt, chosen, rejected;
  long long created_at = 0;
  session
      << "SELECT id, created_at, prompt, chosen, rejected FROM preferences WHERE created_at > :after OR (created_at = "
         ":after AND id > :id) ORDER BY created_at, id LIMIT 1",
      soci::into(id), soci::into(created_at), soci::into(prompt), soci::into(chosen), soci::into(rejected),
      soci::use(after, "after"), soci::use(after_id, "id");
  if (!session.got_data()) return {};
  cursor = {.created_at = created_at, .id = id};
  return "{\"prompt\":" + prompt + ",\"chosen\":" + chosen + ",\"rejected\":" + rejected + "}\n";
}

}  // namespace

Json Store::add_preference(const Json& body) {
  const char* doing = "add a preference";
  Preference row = preference_of(body);
  database_->write(doing, [&](soci::session& session) {
    soci::statement insert =
        (session.prepare
             << "INSERT INTO preferences (id, conversation, prompt, chosen, rejected, chosen_model, "
                "rejected_model, settings, created_at) VALUES (:id, :conversation, :prompt, :chosen, :rejected, "
                ":chosen_model, :rejected_model, :settings, :now) ON CONFLICT DO NOTHING",
         soci::use(row.id, "id"), soci::use(row.conversation.value, row.conversation.state, "conversation"),
         soci::use(row.prompt, "prompt"), soci::use(row.chosen, "chosen"), soci::use(row.rejected, "rejected"),
         soci::use(row.chosen_model, "chosen_model"), soci::use(row.rejected_model, "rejected_model"),
         soci::use(row.settings, "settings"), soci::use(row.created_at, "now"));
    insert.execute(true);
    if (insert.get_affected_rows() == 0) conflict(doing, "id", "a preference " + row.id + " already");
  });
  return json_of(row);
}

Json Store::preferences(const Page& page) const {
  const char* doing = "list the preferences";
  check_page(doing, page);
  Json listed = Json::array();
  long long total = 0;
  bool more = false;
  database_->read(doing, [&](soci::session& session) {
    session << "SELECT count(*) FROM preferences", soci::into(total);
    const auto fetch = [&](long long limit) { return newest_keys(session, page.before.value_or(INT64_MAX), limit); };
    const auto [keys, follow] = whole_page<Key>(page, fetch, [](const Key& key) { return key.created_at; });
    more = follow;
    for (const Key& key : keys) listed.push_back(read_preference(session, key.id));
  });
  return {{"preferences", std::move(listed)}, {"total", total}, {"more", more}};
}

void Store::delete_preference(const std::string& id) {
  const char* doing = "delete a preference";
  check_id(doing, "id", id);
  database_->write(doing, [&](soci::session& session) {
    soci::statement remove = (session.prepare << "DELETE FROM preferences WHERE id = :id", soci::use(id, "id"));
    remove.execute(true);
    if (remove.get_affected_rows() == 0) not_found(doing, "preference", id);
  });
}

std::string Store::preference_lines(PreferenceCursor& cursor, size_t bytes) const {
  std::string lines;
  database_->read("export the preferences", [&](soci::session& session) {
    for (std::string line; lines.size() < bytes; lines += line) {
      line = next_line(session, cursor);
      if (line.empty()) break;
    }
  });
  return lines;
}

}  // namespace orrery::serve
