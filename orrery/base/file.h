// Files: mapped for reading, atomic for writing.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace orrery {

/// A whole file, memory-mapped read-only. Movable; unmapped on destruction. The bytes stay where they are when it
/// moves.
class MappedFile {
 public:
  MappedFile() = default;
  /// Throws Error naming the path when it is missing, a directory, or unreadable.
  static MappedFile open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Tells the kernel that these bytes (inside bytes()) will not be read again soon, so they stop counting as this
  /// process's memory.
  void release(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::filesystem::path path_;
};

/// The same of whichever of these files the part lies in; nothing where it lies in none.
void release(std::span<const MappedFile> files, std::span<const std::byte> part);

/// The whole file as text. Throws Error naming the path.
std::string read_text(const std::filesystem::path& path);

/// Writes a file that is either wholly there or not at all: a temporary file beside it, fsync, rename, fsync of the
/// folder. The destructor removes the temporary file unless commit() ran.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Appends. Throws Error naming the path (disk full, read-only, ...).
  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Bytes written so far.
  size_t size() const { return size_; }
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
  size_t size_ = 0;
};

/// Waits until renames in a folder have reached the disk, as far as its file system can say.
void sync_folder(const std::filesystem::path& folder);

}  // namespace orrery
