// A folder that is written wholly or not at all.
#pragma once

#include <filesystem>

namespace orrery {

/// A folder beside the one that is wanted, which it becomes with commit(); the destructor removes it otherwise.
class AtomicFolder {
 public:
  explicit AtomicFolder(const std::filesystem::path& wanted);
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder();

  /// Where to write until then.
  const std::filesystem::path& path() const { return making_; }
  /// Throws Error where something is in the way.
  void commit();

 private:
  std::filesystem::path wanted_, making_;
};

}  // namespace orrery
