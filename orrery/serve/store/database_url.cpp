#include "orrery/serve/store/database_url.h"

#include <libpq-fe.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "orrery/base/error.h"

namespace orrery::serve {
namespace {

constexpr char kOpening[] = "open the database";

std::filesystem::path default_path() {
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && data[0] == '/') return std::filesystem::path(data) / "orrery/studio.db";
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') {
    throw Error(
        {.doing = kOpening, .found = "neither XDG_DATA_HOME nor HOME", .advice = "give a path with --database"});
  }
  return std::filesystem::path(home) / ".local/share/orrery/studio.db";
}

// libpq's own reading of the URL, so that every option and environment variable that psql obeys works here too.
std::map<std::string, std::string> conninfo_options(const std::string& url) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(url.c_str(), &problem),
                                                                            PQconninfoFree);
  if (parsed == nullptr) {
    PQfreemem(problem);  // it may quote the password
    throw Error({.doing = kOpening,
                 .found = "a malformed postgresql:// URL",
                 .expected = "postgresql://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full",
                 .advice = "special characters in a password are percent-encoded"});
  }
  std::map<std::string, std::string> options;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr && option->val[0] != '\0') options[option->keyword] = option->val;
  }
  return options;
}

std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

DatabaseUrl postgres_url(const std::string& url) {
  auto options = conninfo_options(url);
  DatabaseUrl result;
  result.shown = "postgresql://" + (options.contains("user") ? options["user"] + "@" : "") + options["host"] +
                 (options.contains("port") ? ":" + options["port"] : "") + "/" + options["dbname"];
  options["client_encoding"] = "UTF8";
  options.try_emplace("application_name", "orrery");
  options.try_emplace("connect_timeout", "5");  // seconds; a server that is away must not hold a request for minutes
  options.try_emplace("tcp_user_timeout", "30000");  // milliseconds; and for one that is silent while we wait:
  options.try_emplace("keepalives_idle", "30");
  options.try_emplace("keepalives_interval", "10");
  options.try_emplace("keepalives_count", "3");
  for (const auto& [key, value] : options) {
    if (!value.empty()) result.conninfo += key + "=" + quoted(value) + " ";
  }
  return result;
}

}  // namespace

DatabaseUrl parse_database_url(const std::string& database) {
  if (database.find('\0') != std::string::npos) throw Error({.doing = kOpening, .found = "a NUL in its name"});
  if (database.starts_with("postgresql://") || database.starts_with("postgres://")) return postgres_url(database);
  DatabaseUrl url;
  const size_t scheme = database.find("://");
  if (database.empty()) {
    url.path = default_path();
    url.make_folder = true;
  } else if (database.starts_with("sqlite:///") && database.size() > 10) {
    url.path = database.substr(9);
  } else if (scheme != std::string::npos && database.find('/') > scheme) {
    throw Error({.doing = kOpening,
                 .found = "a URL that begins with " + database.substr(0, scheme + 3),
                 .expected = "a file's path, sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/NAME"});
  } else {
    url.path = std::filesystem::absolute(database);
  }
  url.shown = url.path.string();
  return url;
}

}  // namespace orrery::serve
