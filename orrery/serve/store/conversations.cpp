// Conversations: listing, searching, making, reading, changing, deleting.
#include <nlohmann/json.hpp>

#include "orrery/serve/store/content.h"
#include "orrery/serve/store/database.h"
#include "orrery/serve/store/folding.h"
#include "orrery/serve/store/messages.h"
#include "orrery/serve/store/rows.h"

namespace orrery::serve {
namespace {

struct Listed {
  std::string id, title;
  long long created_at = 0, updated_at = 0;
};

std::string folded_query(const std::string& query) {
  std::string folded = fold(query);
  if (!folded.empty() && folded.front() == ' ') folded.erase(0, 1);
  if (!folded.empty() && folded.back() == ' ') folded.pop_back();
  return folded;
}

std::vector<Listed> list(soci::session& session, const std::string& folded, long long before, long long limit) {
  std::string sql =
      "SELECT c.id, c.title, c.created_at, c.updated_at FROM conversations c WHERE c.updated_at < :before ";
  if (!folded.empty()) {
    sql +=
        "AND (c.title_folded LIKE :pattern ESCAPE '!' OR EXISTS (SELECT 1 FROM messages m WHERE m.conversation = c.id "
        "AND m.text_folded LIKE :pattern ESCAPE '!')) ";
  }
  sql += "ORDER BY c.updated_at DESC, c.id DESC LIMIT :limit";
  const std::string pattern = like_pattern(folded);
  Listed row;
  soci::statement statement(session);
  statement.exchange(soci::into(row.id));
  statement.exchange(soci::into(row.title));
  statement.exchange(soci::into(row.created_at));
  statement.exchange(soci::into(row.updated_at));
  statement.exchange(soci::use(before, "before"));
  if (!folded.empty()) statement.exchange(soci::use(pattern, "pattern"));
  statement.exchange(soci::use(limit, "limit"));
  statement.alloc();
  statement.prepare(sql);
  statement.define_and_bind();
  statement.execute();
  std::vector<Listed> rows;
  while (statement.fetch()) rows.push_back(row);
  return rows;
}

std::string first_hit(soci::session& session, const std::string& conversation, const std::string& folded) {
  const std::string pattern = like_pattern(folded);
  std::string content;
  session << "SELECT content FROM messages WHERE conversation = :conversation AND text_folded LIKE :pattern ESCAPE '!' "
             "ORDER BY seq LIMIT 1",
      soci::into(content), soci::use(conversation, "conversation"), soci::use(pattern, "pattern");
  return session.got_data() ? snippet(searchable_text(json_value(content)), folded) : "";
}

// Without its messages. Throws kNotFound.
Json read_conversation(soci::session& session, const std::string& doing, const std::string& id) {
  std::string title, settings;
  long long created_at = 0, updated_at = 0;
  Nullable head;
  session << "SELECT title, created_at, updated_at, settings, head FROM conversations WHERE id = :id",
      soci::into(title), soci::into(created_at), soci::into(updated_at), soci::into(settings),
      soci::into(head.value, head.state), soci::use(id, "id");
  if (!session.got_data()) not_found(doing, "conversation", id);
  return {{"id", id},
          {"title", title},
          {"created_at", created_at},
          {"updated_at", updated_at},
          {"settings", json_value(settings)},
          {"head", json_string(head.text())}};
}

void set_title(soci::session& session, const std::string& id, const std::string& title) {
  const std::string folded = fold(title);
  session << "UPDATE conversations SET title = :title, title_folded = :folded WHERE id = :id",
      soci::use(title, "title"), soci::use(folded, "folded"), soci::use(id, "id");
}

void set_settings(soci::session& session, const std::string& id, const std::string& settings) {
  session << "UPDATE conversations SET settings = :settings WHERE id = :id", soci::use(settings, "settings"),
      soci::use(id, "id");
}

void set_head(soci::session& session, const std::string& doing, const std::string& id,
              const std::optional<std::string>& head) {
  if (head && !has_message(session, id, *head))
    refuse(doing, "head", "an id of no message", "a message of this conversation");
  Nullable value(head);
  session << "UPDATE conversations SET head = :head WHERE id = :id", soci::use(value.value, value.state, "head"),
      soci::use(id, "id");
}

}  // namespace

Json Store::conversations(const std::string& query, const Page& page) const {
  const char* doing = "list the conversations";
  check_page(doing, page);
  check_text(doing, "query", query, StoreLimits::kQueryChars);
  const std::string folded = folded_query(query);
  Json listed = Json::array();
  bool more = false;
  database_->read(doing, [&](soci::session& session) {
    const auto fetch = [&](long long limit) { return list(session, folded, page.before.value_or(INT64_MAX), limit); };
    const auto [rows, follow] = whole_page<Listed>(page, fetch, [](const Listed& row) { return row.updated_at; });
    more = follow;
    for (const Listed& row : rows) {
      listed.push_back({{"id", row.id},
                        {"title", row.title},
                        {"created_at", row.created_at},
                        {"updated_at", row.updated_at},
                        {"snippet", folded.empty() ? "" : first_hit(session, row.id, folded)}});
    }
  });
  return {{"conversations", std::move(listed)}, {"more", more}};
}

Json Store::create_conversation(const Json& body) {
  const StudioFields fields(body, "create a conversation", {"id", "title", "settings"});
  const std::string id = fields.id("id").value_or(new_id());
  const std::string title = fields.name("title").value_or("");
  const std::string title_folded = fold(title);
  const std::string settings = fields.object("settings").value_or("{}");
  const long long now = now_ms();
  Json conversation;
  database_->write(fields.doing().c_str(), [&](soci::session& session) {
    soci::statement insert =
        (session.prepare
             << "INSERT INTO conversations (id, title, title_folded, settings, head, bytes, created_at, "
                "updated_at) VALUES (:id, :title, :folded, :settings, NULL, 0, :now, :now) ON CONFLICT DO NOTHING",
         soci::use(id, "id"), soci::use(title, "title"), soci::use(title_folded, "folded"),
         soci::use(settings, "settings"), soci::use(now, "now"));
    insert.execute(true);
    if (insert.get_affected_rows() == 0) conflict(fields.doing(), "id", "a conversation " + id + " already");
    conversation = read_conversation(session, fields.doing(), id);
  });
  conversation["messages"] = Json::array();
  return conversation;
}

Json Store::conversation(const std::string& id) const {
  const char* doing = "read a conversation";
  check_id(doing, "id", id);
  Json conversation;
  database_->read(doing, [&](soci::session& session) {
    conversation = read_conversation(session, doing, id);
    conversation["messages"] = read_messages(session, id);
  });
  return conversation;
}

Json Store::change_conversation(const std::string& id, const Json& body) {
  const StudioFields fields(body, "change a conversation", {"title", "settings", "head"});
  check_id(fields.doing(), "id", id);
  const auto title = fields.name("title");
  const auto settings = fields.object("settings");
  const auto head = fields.id("head");
  Json conversation;
  database_->write(fields.doing().c_str(), [&](soci::session& session) {
    read_conversation(session, fields.doing(), id);
    if (fields.has("title")) set_title(session, id, title.value_or(""));
    if (fields.has("settings")) set_settings(session, id, settings.value_or("{}"));
    if (fields.has("head")) set_head(session, fields.doing(), id, head);
    conversation = read_conversation(session, fields.doing(), id);
  });
  return conversation;
}

void Store::delete_conversation(const std::string& id) {
  const char* doing = "delete a conversation";
  check_id(doing, "id", id);
  database_->write(doing, [&](soci::session& session) {
    soci::statement remove = (session.prepare << "DELETE FROM conversations WHERE id = :id", soci::use(id, "id"));
    remove.execute(true);
    if (remove.get_affected_rows() == 0) not_found(doing, "conversation", id);
  });
}

std::string Store::export_conversation(const std::string& id) const { return conversation(id).dump(2) + "\n"; }

}  // namespace orrery::serve
