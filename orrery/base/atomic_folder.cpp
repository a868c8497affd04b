#include "orrery/base/atomic_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery {

namespace fs = std::filesystem;

AtomicFolder::AtomicFolder(const fs::path& wanted) : wanted_(wanted.lexically_normal()) {
  if (!wanted_.has_filename()) wanted_ = wanted_.parent_path();  // "folder/"
  making_ = wanted_;
  making_ += fmt::format(".partial-{}", getpid());
  fs::remove_all(making_);
  fs::create_directories(making_);
}

AtomicFolder::~AtomicFolder() {
  std::error_code failed;
  fs::remove_all(making_, failed);
}

void AtomicFolder::commit() {
  std::error_code failed;
  fs::rename(making_, wanted_, failed);
  if (failed)
    throw Error({.doing = "write a folder",
                 .where = wanted_.string(),
                 .found = failed.message(),
                 .expected = "nothing in its place, or an empty folder"});
  sync_folder(wanted_.has_parent_path() ? wanted_.parent_path() : fs::path("."));
}

}  // namespace orrery
