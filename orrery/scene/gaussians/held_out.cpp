#include "orrery/scene/gaussians/held_out.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "orrery/base/file.h"
#include "orrery/formats/png_writer.h"
#include "orrery/splat/cameras.h"

namespace orrery::scene {

namespace {
namespace fs = std::filesystem;

void write_beside_truth(const fs::path& path, std::span<const float> drawn, const View& view, const Photo& photo) {
  const size_t row = 3 * static_cast<size_t>(view.width);
  std::vector<float> both(2 * row * static_cast<size_t>(view.height));
  for (size_t y = 0; y < static_cast<size_t>(view.height); ++y) {
    std::ranges::copy(drawn.subspan(y * row, row), &both[2 * y * row]);
    std::ranges::copy(std::span(photo.rgb).subspan(y * row, row), &both[(2 * y + 1) * row]);
  }
  formats::write_png(path, 2 * view.width, view.height, std::span<const float>(both));
}

struct Shown {
  std::string name, picture;  ///< the photo's; the file's
  Likeness likeness;
};

std::string numbers_of(const Likeness& likeness) {
  return fmt::format("PSNR {:.2f} dB, SSIM {:.4f}{}", likeness.psnr, likeness.ssim,
                     likeness.lpips ? fmt::format(", LPIPS {:.4f}", *likeness.lpips) : "");
}

std::string as_html(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
  return out;
}

std::string as_link(std::string_view file) {
  std::string out;
  for (const char c : file) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

void write_page(const fs::path& path, const std::vector<Shown>& rows, const Likeness& mean) {
  AtomicFile file(path);
  file.write(fmt::format(R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Held-out photos</title>
<style>body {{ font: 15px system-ui, sans-serif; margin: 1.5rem }} figure {{ margin: 1.5rem 0 }} img {{ max-width: 100% }}</style>
<h1>Held-out photos</h1>
<p>The scene on the left, the photo on the right; the lowest PSNR first. Mean of {}: {}.</p>
)",
                         rows.size(), numbers_of(mean)));
  for (const Shown& row : rows)
    file.write(
        fmt::format("<figure><figcaption>{}: {}</figcaption><img src=\"{}\" alt=\"\" loading=\"lazy\"></figure>\n",
                    as_html(row.name), numbers_of(row.likeness), as_link(row.picture)));
  file.write("</html>\n");
  file.commit();
}

}  // namespace

Likeness write_held_out(const fs::path& folder, GaussianTask& task, const DatasetPhotos& held_out) {
  fs::create_directories(folder);
  std::vector<Shown> rows;
  Photo photo;
  Likeness mean;
  for (size_t i = 0; i < held_out.size(); ++i) {
    const std::string& name = held_out.frame(i).name;
    Shown& row = rows.emplace_back(Shown{name, splat::picture_name(name) + ".png", task.compare_held_out(i, photo)});
    mean.add(row.likeness, 1 / static_cast<double>(held_out.size()));
    write_beside_truth(folder / row.picture, task.drawn(), held_out.view(i), photo);
  }
  std::ranges::stable_sort(rows, {}, [](const Shown& row) { return row.likeness.psnr; });
  write_page(folder / "index.html", rows, mean);
  return mean;
}

}  // namespace orrery::scene
