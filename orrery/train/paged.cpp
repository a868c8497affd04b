#include "orrery/train/paged.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "orrery/base/error.h"

namespace orrery::train {

namespace fs = std::filesystem;

namespace {

/// A file without a name, of so many bytes of disk.
int open_nameless(const fs::path& folder, size_t bytes) {
  const auto refuse = [&](int code) {
    throw Error({.doing = "make room for an optimizer's paged states",
                 .where = folder.string(),
                 .found = std::strerror(code),
                 .expected = fmt::format("a folder that takes {} bytes more", bytes)});
  };
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) refuse(error.value());
  std::string name = (folder / "states-XXXXXX").string();
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) refuse(errno);
  ::unlink(name.c_str());
  // All of it now: a page that finds no room later ends the process.
  if (const int code = ::posix_fallocate(file, 0, static_cast<off_t>(bytes)); code != 0) {
    ::close(file);
    refuse(code);
  }
  return file;
}

}  // namespace

at::Tensor paged_zeros(at::IntArrayRef sizes, at::ScalarType type, const fs::path& folder) {
  const size_t bytes = static_cast<size_t>(c10::multiply_integers(sizes)) * c10::elementSize(type);
  if (bytes == 0) return at::zeros(sizes, type);
  const int file = open_nameless(folder, bytes);
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);  // the mapping holds it
  if (data == MAP_FAILED)
    throw Error({.doing = "map an optimizer's paged states", .where = folder.string(), .found = std::strerror(errno)});
  return at::from_blob(
      data, sizes, [bytes](void* mapped) { ::munmap(mapped, bytes); }, at::TensorOptions(type));
}

}  // namespace orrery::train
