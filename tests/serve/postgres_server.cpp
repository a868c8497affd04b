#include "postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <vector>

#include "orrery/base/file.h"

namespace orrery::serve {
namespace {

namespace fs = std::filesystem;

// The newest version's; empty where there is none. They are not in PATH on Debian.
fs::path programs() {
  fs::path newest;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none)) {
    if (fs::exists(version.path() / "bin/initdb") && version.path() > newest) newest = version.path();
  }
  return newest.empty() ? newest : newest / "bin";
}

// PostgreSQL refuses to run as root: the user postgres, whom the package makes, or nobody.
const passwd* unprivileged() {
  if (::getuid() != 0) return nullptr;
  const passwd* user = ::getpwnam("postgres");
  return user != nullptr ? user : ::getpwnam("nobody");
}

pid_t run(std::vector<std::string> arguments, const fs::path& log) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const passwd* user = unprivileged();
  const pid_t child = ::fork();
  if (child != 0) return child;
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  if (user != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)) {
    ::_exit(126);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // a test that crashes leaves no server behind
  ::chdir("/") == 0 ? ::execv(argv[0], argv.data()) : 0;
  ::_exit(127);
}

}  // namespace

bool PostgresServer::installed() { return !programs().empty(); }

PostgresServer::PostgresServer() {
  std::string name = "/tmp/orrery-pg-XXXXXX";  // a socket's path has at most 107 bytes
  folder_ = ::mkdtemp(name.data());
  if (const passwd* user = unprivileged();
      user != nullptr && ::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error("cannot give away " + folder_.string());
  }
  const pid_t initdb = run({(programs() / "initdb").string(), "-D", (folder_ / "data").string(), "-U", "orrery", "-A",
                            "trust", "-E", "UTF8", "--locale=C", "--no-sync"},
                           folder_ / "log");
  int status = 0;
  ::waitpid(initdb, &status, 0);
  if (status != 0) throw std::runtime_error("initdb failed: " + read_text(folder_ / "log"));
  start();
}

PostgresServer::~PostgresServer() {
  stop();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void PostgresServer::start() {
  server_ = run({(programs() / "postgres").string(), "-D", (folder_ / "data").string(), "-k", folder_.string(), "-c",
                 "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"},
                folder_ / "log");
  for (int i = 0; i < 1200; ++i) {
    if (PQping(url().c_str()) == PQPING_OK) return;
    if (::waitpid(server_, nullptr, WNOHANG) == server_) {
      server_ = -1;
      break;
    }
    ::usleep(50'000);
  }
  throw std::runtime_error("the server does not answer: " + read_text(folder_ / "log"));
}

void PostgresServer::stop() {
  if (server_ < 0) return;
  ::kill(server_, SIGINT);  // ends its clients' connections first
  for (int i = 0; i < 200; ++i) {
    if (::waitpid(server_, nullptr, WNOHANG) == server_) {
      server_ = -1;
      return;
    }
    ::usleep(50'000);
  }
  ::kill(server_, SIGQUIT);
  ::waitpid(server_, nullptr, 0);
  server_ = -1;
}

std::string PostgresServer::url(const std::string& database, const std::string& more) const {
  return "postgresql://orrery@/" + database + "?host=" + folder_.string() + more;
}

std::string PostgresServer::new_schema() {
  const std::string name = "schema" + std::to_string(++schemas_);
  execute("CREATE SCHEMA " + name);
  return url("postgres", "&options=-csearch_path%3D" + name);
}

void PostgresServer::execute(const std::string& statement) const {
  soci::session session(soci::postgresql, url());
  session << statement;
}

}  // namespace orrery::serve
