// Messages: created once, then replaced again and again while an answer streams.
#include "orrery/serve/store/messages.h"

#include <nlohmann/json.hpp>

#include "orrery/serve/store/content.h"
#include "orrery/serve/store/database.h"
#include "orrery/serve/store/folding.h"
#include "orrery/serve/store/rows.h"

namespace orrery::serve {
namespace {

constexpr char kSaving[] = "save a message";
// What a row costs beside its content, so that a conversation cannot hold endlessly many empty ones.
constexpr long long kRowBytes = 256;

struct Message {
  std::string conversation, id;
  Nullable parent;
  std::string role, content, folded;
  Nullable model, finish, stats;
  long long bytes = 0, created_at = 0;
};

Json json_of(const Message& message) {
  return {{"id", message.id},
          {"conversation", message.conversation},
          {"parent", json_string(message.parent.text())},
          {"role", message.role},
          {"content", json_value(message.content)},
          {"model", json_string(message.model.text())},
          {"finish", json_string(message.finish.text())},
          {"stats", json_value(message.stats.text())},
          {"created_at", message.created_at}};
}

Message message_of(const StudioFields& fields, const std::string& conversation, const std::string& id) {
  check_id(kSaving, "conversation", conversation);
  check_id(kSaving, "id", id);
  const Json& content = fields.required("content");
  check_content(kSaving, "content", content);
  Message message{.conversation = conversation, .id = id};
  message.parent = Nullable(fields.id("parent"));
  message.role = fields.one_of("role", {"system", "user", "assistant"}).value_or("");
  message.content = json_text(kSaving, "content", content, StoreLimits::kContentBytes);
  message.folded = fold(searchable_text(content));
  message.model = Nullable(fields.name("model"));
  message.finish = Nullable(fields.one_of("finish", {"stop", "length", "cancelled", "error"}));
  message.stats = Nullable(fields.object("stats"));
  message.bytes = kRowBytes + static_cast<long long>(message.content.size() + message.stats.value.size());
  return message;
}

// First in the transaction: the row's lock also makes writers to one conversation wait for each other.
void touch(soci::session& session, const std::string& conversation) {
  const long long now = now_ms();
  soci::statement update = (session.prepare << "UPDATE conversations SET updated_at = :now WHERE id = :id",
                            soci::use(now, "now"), soci::use(conversation, "id"));
  update.execute(true);
  if (update.get_affected_rows() == 0) not_found(kSaving, "conversation", conversation);
}

void count_bytes(soci::session& session, const std::string& conversation, long long more) {
  long long bytes = 0;
  session << "SELECT bytes FROM conversations WHERE id = :id", soci::into(bytes), soci::use(conversation, "id");
  bytes += more;
  if (more > 0 && bytes > static_cast<long long>(StoreLimits::kConversationBytes)) {
    refuse(kSaving, "content", "a full conversation",
           "at most " + std::to_string(StoreLimits::kConversationBytes) + " bytes of messages in one");
  }
  session << "UPDATE conversations SET bytes = :bytes WHERE id = :id", soci::use(bytes, "bytes"),
      soci::use(conversation, "id");
}

struct Place {
  std::string role;
  Nullable parent;
  long long bytes = 0, created_at = 0;
};

std::optional<Place> find_place(soci::session& session, const Message& message) {
  Place place;
  session << "SELECT role, parent, bytes, created_at FROM messages WHERE conversation = :conversation AND id = :id",
      soci::into(place.role), soci::into(place.parent.value, place.parent.state), soci::into(place.bytes),
      soci::into(place.created_at), soci::use(message.conversation, "conversation"), soci::use(message.id, "id");
  return session.got_data() ? std::optional(place) : std::nullopt;
}

void replace(soci::session& session, const StudioFields& fields, Message& message, const Place& place) {
  const bool moved = fields.has("parent") && message.parent.text() != place.parent.text();
  if (moved || (!message.role.empty() && message.role != place.role)) {
    conflict(kSaving, moved ? "parent" : "role", "message " + message.id + " with another");
  }
  message.role = place.role;
  message.parent = place.parent;
  message.created_at = place.created_at;
  count_bytes(session, message.conversation, message.bytes - place.bytes);
  session << "UPDATE messages SET content = :content, text_folded = :folded, model = :model, finish = :finish, stats = "
             ":stats, bytes = :bytes WHERE conversation = :conversation AND id = :id",
      soci::use(message.content, "content"), soci::use(message.folded, "folded"),
      soci::use(message.model.value, message.model.state, "model"),
      soci::use(message.finish.value, message.finish.state, "finish"),
      soci::use(message.stats.value, message.stats.state, "stats"), soci::use(message.bytes, "bytes"),
      soci::use(message.conversation, "conversation"), soci::use(message.id, "id");
}

void insert(soci::session& session, Message& message) {
  if (message.role.empty()) refuse(kSaving, "role", "nothing", "one of system, user, assistant");
  if (message.parent.text() && !has_message(session, message.conversation, message.parent.value)) {
    refuse(kSaving, "parent", "an id of no message", "a message of this conversation");
  }
  message.created_at = now_ms();
  count_bytes(session, message.conversation, message.bytes);
  session
      << "INSERT INTO messages (conversation, id, seq, parent, role, content, text_folded, model, finish, stats, "
         "bytes, "
         "created_at) VALUES (:conversation, :id, (SELECT coalesce(max(seq), 0) + 1 FROM messages WHERE conversation = "
         ":conversation), :parent, :role, :content, :folded, :model, :finish, :stats, :bytes, :now)",
      soci::use(message.conversation, "conversation"), soci::use(message.id, "id"),
      soci::use(message.parent.value, message.parent.state, "parent"), soci::use(message.role, "role"),
      soci::use(message.content, "content"), soci::use(message.folded, "folded"),
      soci::use(message.model.value, message.model.state, "model"),
      soci::use(message.finish.value, message.finish.state, "finish"),
      soci::use(message.stats.value, message.stats.state, "stats"), soci::use(message.bytes, "bytes"),
      soci::use(message.created_at, "now");
  session << "UPDATE conversations SET head = :head WHERE id = :id", soci::use(message.id, "head"),
      soci::use(message.conversation, "id");
}

}  // namespace

bool has_message(soci::session& session, const std::string& conversation, const std::string& id) {
  int one = 0;
  session << "SELECT 1 FROM messages WHERE conversation = :conversation AND id = :id", soci::into(one),
      soci::use(conversation, "conversation"), soci::use(id, "id");
  return session.got_data();
}

Json read_messages(soci::session& session, const std::string& conversation) {
  Message message{.conversation = conversation};
  soci::statement select =
      (session.prepare << "SELECT id, parent, role, content, model, finish, stats, created_at FROM messages WHERE "
                          "conversation = :conversation ORDER BY seq",
       soci::into(message.id), soci::into(message.parent.value, message.parent.state), soci::into(message.role),
       soci::into(message.content), soci::into(message.model.value, message.model.state),
       soci::into(message.finish.value, message.finish.state), soci::into(message.stats.value, message.stats.state),
       soci::into(message.created_at), soci::use(conversation, "conversation"));
  select.execute();
  Json messages = Json::array();
  while (select.fetch()) messages.push_back(json_of(message));
  return messages;
}

Json Store::put_message(const std::string& conversation, const std::string& id, const Json& body) {
  const StudioFields fields(body, kSaving, {"parent", "role", "content", "model", "finish", "stats"});
  Message message = message_of(fields, conversation, id);
  database_->write(kSaving, [&](soci::session& session) {
    touch(session, conversation);
    if (const auto place = find_place(session, message)) {
      replace(session, fields, message, *place);
    } else {
      insert(session, message);
    }
  });
  return json_of(message);
}

}  // namespace orrery::serve
