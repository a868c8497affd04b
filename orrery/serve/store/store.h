// The studio's database: conversations, their messages, and preferences, in a SQLite file or on a PostgreSQL server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "orrery/serve/store/store_error.h"

namespace orrery::serve {

struct StoreLimits {
  static constexpr size_t kTitleChars = 300;               ///< characters (code points); of a model's name too
  static constexpr size_t kContentBytes = 16 << 20;        ///< of one message's content as JSON text
  static constexpr size_t kConversationBytes = 256 << 20;  ///< of one conversation, which is always given whole
  static constexpr size_t kObjectBytes = 64 << 10;         ///< of "settings" and "stats" as JSON text
  static constexpr size_t kPreferenceBytes = 32 << 20;     ///< of one preference's three lists as JSON text
  static constexpr size_t kQueryChars = 200;               ///< of a search
  static constexpr size_t kJsonDepth = 64;                 ///< nested lists and objects
  static constexpr int kPageRows = 200;                    ///< of Page::limit
};

struct StoreOptions {
  int connections = 4;      ///< at most this many to a PostgreSQL server; a SQLite file always has one
  int wait_seconds = 30;    ///< for a free connection, before a call fails with kUnavailable
  int locked_seconds = 10;  ///< for another process that holds the SQLite file, before a call fails with kUnavailable
};

/// A part of a list, newest first.
struct Page {
  int limit =
      50;  ///< 1 to StoreLimits::kPageRows; rows of the same millisecond are never parted, so that a page may be longer
  std::optional<int64_t> before;  ///< only what is older than this, in milliseconds since 1970 UTC
};

/// Where the next lines of the preferences begin; starts at the first.
struct PreferenceCursor {
  int64_t created_at = INT64_MIN;
  std::string id;
};

/// Thread-safe. A call is one transaction: it has happened wholly and lasts when it returns, or not at all when it
/// throws. Calls wait for the disk or the server, and for each other: keep them off threads that must not wait. JSON in
/// and out is the bodies of the studio's API (docs/database.md has their columns). Times are milliseconds since 1970
/// UTC. Every call throws StoreError: kInvalid (an unknown field, too, is refused by name) and kUnavailable, and what
/// its comment names.
class Store {
 public:
  using Json = nlohmann::ordered_json;

  /// Opens the database and brings its tables up to date. `database` is a SQLite file's path or sqlite:///PATH, made
  /// when it is missing; or postgresql://USER:PASSWORD@HOST/NAME?sslmode=...; empty: orrery/studio.db in
  /// $XDG_DATA_HOME, else in
  /// ~/.local/share. Throws Error when it cannot be opened, is no database, or was written by a newer Orrery; then it
  /// is unchanged.
  explicit Store(const std::string& database = {}, const StoreOptions& options = {});
  Store(Store&&) noexcept;
  ~Store();

  /// The database as messages may show it, without a password.
  const std::string& name() const;

  /// {"conversations": [{"id","title","created_at","updated_at","snippet"}], "more": bool}, last message first. A query
  /// finds titles and messages' texts whatever their case or width; "snippet" is the text around the first message's
  /// hit, empty for others.
  Json conversations(const std::string& query, const Page& page = {}) const;
  /// body {"id"?,"title"?,"settings"?}: the new conversation, with its empty "messages". Throws kConflict when the id
  /// is taken.
  Json create_conversation(const Json& body);
  /// With "messages" in the order of their creation. Throws kNotFound.
  Json conversation(const std::string& id) const;
  /// body: any of {"title","settings","head"}: the conversation without messages. Its place in the list stays. Throws
  /// kNotFound.
  Json change_conversation(const std::string& id, const Json& body);
  /// With its messages; preferences that came from it stay. Throws kNotFound.
  void delete_conversation(const std::string& id);
  /// The same as conversation(), as a file to keep: indented, with a newline at its end.
  std::string export_conversation(const std::string& id) const;

  /// body {"parent"?,"role","content","model"?,"finish"?,"stats"?}: creates the message and makes it the conversation's
  /// head, or replaces content, model, finish and stats. Throws kNotFound for an unknown conversation, kConflict when
  /// role or parent differ from the message that is there.
  Json put_message(const std::string& conversation, const std::string& id, const Json& body);

  /// body {"id"?,"conversation"?,"prompt","chosen","rejected","chosen_model","rejected_model","settings"?}. Throws
  /// kConflict when the id is taken.
  Json add_preference(const Json& body);
  /// {"preferences": [...], "total": int, "more": bool}
  Json preferences(const Page& page = {}) const;
  /// Throws kNotFound.
  void delete_preference(const std::string& id);
  /// The next lines of all preferences in TRL's conversational form, {"prompt":[...],"chosen":[...],"rejected":[...]},
  /// oldest first: at least `bytes` of them where there are so many, empty at the end. Nothing is held between calls,
  /// so that a slow reader costs nothing.
  std::string preference_lines(PreferenceCursor& cursor, size_t bytes = 64 << 10) const;

 private:
  std::unique_ptr<class Database> database_;
};

}  // namespace orrery::serve
