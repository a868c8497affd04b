#include "orrery/serve/store/sqlite_file.h"

#include <fcntl.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>

#include "orrery/base/error.h"

namespace orrery::serve {
namespace {

constexpr char kDoing[] = "open the database";

[[noreturn]] void fail(const std::filesystem::path& path, std::string found, std::string advice = {}) {
  throw Error({.doing = kDoing, .where = path.string(), .found = std::move(found), .advice = std::move(advice)});
}

void make_folder(const std::filesystem::path& folder) {
  if (folder.empty() || std::filesystem::exists(folder)) return;
  make_folder(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) fail(folder, std::strerror(errno));
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  operator int() const { return value_; }

 private:
  int value_;
};

// The name of a new file lasts only when its folder is synced too.
void sync_folder(const std::filesystem::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor >= 0) ::fsync(descriptor);
}

void check_header(const std::filesystem::path& path, int descriptor, off_t size) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);  // sqlite.org/fileformat.html, section 1.3
  char head[16] = {};
  const ssize_t count = ::pread(descriptor, head, sizeof head, 0);
  if (count < 0) fail(path, std::strerror(errno));
  if (size > 0 && std::string_view(head, static_cast<size_t>(count)) != kMagic) {
    fail(path, "a file that is no SQLite database", "name another file, or move this one away");
  }
}

}  // namespace

void prepare_sqlite_file(const DatabaseUrl& url) {
  if (url.make_folder) make_folder(url.path.parent_path());
  Descriptor created(::open(url.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (created >= 0) {
    sync_folder(url.path.parent_path());
    return;
  }
  if (errno != EEXIST) {
    fail(url.path, std::strerror(errno), "its folder must exist and let you write: SQLite keeps two more files there");
  }
  const Descriptor descriptor(::open(url.path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (descriptor < 0) fail(url.path, std::strerror(errno));
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) fail(url.path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(url.path, "something that is no regular file");
  check_header(url.path, descriptor, status.st_size);
}

std::string sqlite_connect_string(const DatabaseUrl& url) {
  // SOCI takes a string without '=' as the path itself, whatever else is in it.
  const std::string path = url.path.string();
  if (path.find('=') == std::string::npos) return path;
  if (path.find('"') != std::string::npos) fail(path, "'=' and '\"' in one path", "name another file");
  return "dbname=\"" + path + "\"";
}

void set_up_sqlite(soci::session& session, int locked_seconds) {
  session << "PRAGMA busy_timeout = " << locked_seconds * 1000;
  // SQLite's own waiting does not cover the change to WAL: of two processes that open a new file at once, one gets
  // SQLITE_BUSY.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(locked_seconds);
  std::string mode;
  while (mode.empty()) {
    try {
      session << "PRAGMA journal_mode = WAL", soci::into(mode);
    } catch (const soci::sqlite3_soci_error& error) {
      constexpr int kBusy = 5;  // SQLITE_BUSY
      if ((error.result() & 0xff) != kBusy || std::chrono::steady_clock::now() > until) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  if (mode != "wal") {
    throw Error({.doing = "use the database's write-ahead log",
                 .found = "journal mode " + mode,
                 .expected = "wal",
                 .advice = "the file must lie on a local disk; for a network use PostgreSQL"});
  }
  // FULL syncs the log at every commit: an answer that was acknowledged survives a power cut. NORMAL would lose the
  // last ones.
  session << "PRAGMA synchronous = FULL";
  session << "PRAGMA foreign_keys = ON";
}

}  // namespace orrery::serve
