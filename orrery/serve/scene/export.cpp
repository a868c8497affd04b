// The viewer's page as one file.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "orrery/base/file.h"
#include "orrery/formats/gzip.h"
#include "orrery/serve/api/base64.h"
#include "orrery/serve/scene/page.h"
#include "orrery/serve/scene/viewed_scene.h"
#include "orrery/serve/scene/viewer.h"

namespace orrery::serve {
namespace {

using nlohmann::ordered_json;

std::string asset_text(std::string_view path) {
  const web::Asset& asset = viewer_asset(path);
  if (asset.encoding.empty()) return std::string(asset.bytes);
  formats::GzipReader gzip(std::as_bytes(std::span(asset.bytes)), std::string(path));
  std::string text;
  std::vector<std::byte> piece(1 << 16);
  while (const size_t size = gzip.read(piece)) text.append(reinterpret_cast<const char*>(piece.data()), size);
  return text;
}

/// No element of a page ends inside a JSON string.
std::string json_in_html(const ordered_json& json) {
  std::string text;
  for (char c : json.dump(-1, ' ', false, ordered_json::error_handler_t::replace))
    c == '<' ? text += "\\u003c" : text += c;
  return text;
}

}  // namespace

uint64_t export_scene(const ViewOptions& options, const std::filesystem::path& page) {
  const std::string form = asset_text("/scene/export.html");
  const ViewedScene scene(scene_file(options.scene));
  ordered_json info = scene.info();
  info["live"] = false;
  info["cameras"] = cameras_json(cameras_of(options.scene, options.cameras), [](size_t) { return ordered_json(); });

  // The form's "@name@" become these, in this order.
  const std::pair<std::string_view, std::string> parts[] = {{"@licences@", asset_text("/scene/licences.txt")},
                                                            {"@style@", asset_text("/scene/app.css")},
                                                            {"@theme@", asset_text("/studio/theme.js")},
                                                            {"@info@", json_in_html(info)},
                                                            {"@bytes@", base64(formats::gzip_compress(scene.bytes()))},
                                                            {"@script@", asset_text("/scene/app.js")}};
  AtomicFile file(page);
  std::string_view rest = form;
  for (const auto& [name, text] : parts) {
    const size_t at = rest.find(name);
    file.write(rest.substr(0, at));
    file.write(text);
    rest.remove_prefix(at + name.size());
  }
  file.write(rest);
  file.commit();
  return file.size();
}

}  // namespace orrery::serve
