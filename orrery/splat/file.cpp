#include "orrery/splat/file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"
#include "orrery/splat/files/codecs.h"

namespace orrery::splat {
namespace {

namespace fs = std::filesystem;

constexpr Format kFormats[] = {
    // clang-format off
    {"compressed.ply", ".compressed.ply", true,  3, true,  is_compressed_ply, read_compressed_ply, write_compressed_ply},
    {"ply",            ".ply",            false, 3, true,  is_ply,            read_ply,            write_ply},
    {"spz",            ".spz",            true,  3, true,  is_spz,            read_spz,            write_spz},
    {"sog",            ".sog",            true,  3, true,  is_sog,            read_sog,            write_sog},
    {"ksplat",         ".ksplat",         true,  2, false, is_ksplat,         read_ksplat,         write_ksplat},
    {"splat",          ".splat",          true,  0, false, is_splat,          read_splat,          write_splat},
    // clang-format on
};

std::string format_names() {
  std::vector<std::string_view> names;
  for (const Format& format : kFormats) names.push_back(format.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

uint64_t bytes_written(const fs::path& path) {
  if (!fs::is_directory(path)) return fs::file_size(path);
  uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(path)) bytes += entry.file_size();
  return bytes;
}

void refuse_nothing(const fs::path& path, int64_t count) {
  if (count > 0) return;
  throw Error({.doing = "write a Gaussian scene",
               .where = path.string(),
               .found = "no Gaussians",
               .expected = "one at least",
               .advice = "was everything filtered out?"});
}

}  // namespace

std::span<const Format> formats() { return kFormats; }

const Format* recognise(std::span<const std::byte> bytes) {
  for (const Format& format : kFormats)
    if (format.recognises(bytes)) return &format;
  return nullptr;
}

LoadedScene load_scene(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? path / "meta.json" : path;
  const MappedFile mapped = MappedFile::open(file);
  const std::string_view text(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
  const Format* format = recognise(mapped.bytes());
  if (format == nullptr)
    throw Error(
        {.doing = "read a Gaussian scene",
         .where = path.string(),
         .found = text.empty() ? "an empty file" : "a file that begins with " + formats::printable(text.substr(0, 16)),
         .expected = "one of " + format_names()});
  return {format->read(mapped.bytes(), file), format, mapped.bytes().size()};
}

const Format& format_for(const fs::path& path, const SaveOptions& options) {
  for (const Format& format : kFormats)
    if (options.format.empty() ? path.string().ends_with(format.extension) : options.format == format.name)
      return format;
  throw Error({.doing = "write a Gaussian scene",
               .where = options.format.empty() ? path.string() : "--format",
               .found = options.format.empty() ? "a name that says no format" : options.format,
               .expected = options.format.empty() ? "one that ends in one of " + format_names() : format_names(),
               .advice = options.format.empty() ? "or give --format" : ""});
}

Saved save(const fs::path& path, const Scene& scene, const SaveOptions& options) {
  const Format& format = format_for(path, options);
  refuse_nothing(path, scene.count());
  const std::vector<int64_t> order = format.write(scene, path, options);
  Saved saved{&format, bytes_written(path), std::nullopt};
  if (format.lossy) saved.difference = difference(scene, load(path), order);
  return saved;
}

void save_ply(const fs::path& path, const SceneSpans& scene) {
  refuse_nothing(path, scene.count());
  write_ply(scene, path);
}

bool antialiased_by(std::span<const std::string> ply_comments) {
  bool antialiased = false;
  for (const std::string& comment : ply_comments) {
    if (comment.starts_with("SplatRenderMode: ")) antialiased = comment == "SplatRenderMode: mip";
    if (comment.starts_with("antialiased ")) antialiased = comment == "antialiased 1";
  }
  return antialiased;
}

std::string antialiased_comment(bool antialiased) { return antialiased ? "comment SplatRenderMode: mip\n" : ""; }

void check_count(uint64_t count, uint64_t file_bytes, const fs::path& path) {
  constexpr uint64_t kMostPerByte = 16;
  if (count > 0 && count <= kMostPerByte * file_bytes) return;
  throw Error({.doing = "read a Gaussian scene",
               .where = path.string(),
               .found = fmt::format("a count of {} in {} bytes", count, file_bytes),
               .expected = fmt::format("1 to {}", kMostPerByte * file_bytes),
               .advice = "the file is damaged: fetch it again"});
}

}  // namespace orrery::splat
