#include "orrery/formats/ply.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/file.h"
#include "orrery/splat/files/codecs.h"

namespace orrery::splat {
namespace {

using formats::PlyFile;

constexpr uint64_t kBlock = 1024;  // rows read or written at a time

/// The columns of a scene in the order in which a row is taken apart: means, log_scales, quats, opacity, f_dc, f_rest.
/// INRIA's f_rest goes channel by channel, f_rest_{channel·(K-1) + k-1}.
class Columns {
 public:
  Columns(const PlyFile::Element& vertex, const formats::ByteReader& reader) {
    for (const char* name :
         {"x", "y", "z", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3", "opacity"}) {
      const PlyFile::Property* property = vertex.find(name);
      if (property == nullptr)
        reader.fail("element vertex", fmt::format("no property {}", name), "the properties of a Gaussian scene",
                    vertex.find("scale_0") == nullptr ? "is it a point cloud or a mesh?" : "");
      columns_.push_back(property);
    }
    has_colour_ = vertex.find("f_dc_0") != nullptr;
    add_harmonics(vertex, reader);
  }

  int sh_degree() const { return degree_; }
  std::span<const PlyFile::Property* const> get() const { return columns_; }

  void unpack(const float* row, int64_t n, Scene& scene) const {
    std::copy_n(row, 3, scene.means.data() + 3 * n);
    std::copy_n(row + 3, 3, scene.log_scales.data() + 3 * n);
    std::copy_n(row + 6, 4, scene.quats.data() + 4 * n);
    scene.opacity_logits[n] = row[10];
    if (has_colour_) std::copy_n(row + 11, 3 * scene.coefficients(), scene.sh.data() + 3 * n * scene.coefficients());
  }

 private:
  void add_harmonics(const PlyFile::Element& vertex, const formats::ByteReader& reader) {
    const auto rest = static_cast<int>(std::ranges::count_if(
        vertex.properties, [](const PlyFile::Property& property) { return property.name.starts_with("f_rest_"); }));
    while (3 * (sh_coefficients(degree_) - 1) < rest && degree_ < kMaxShDegree) ++degree_;
    const int above = sh_coefficients(degree_) - 1;
    if (3 * above != rest) reader.fail("f_rest", fmt::format("{} properties", rest), "0, 9, 24 or 45");
    if (!has_colour_ && rest > 0) reader.fail("f_dc_0", "none", "one where there is an f_rest");
    for (int k = 0; has_colour_ && k <= above; ++k) {
      for (int channel = 0; channel < 3; ++channel) {
        const std::string name =
            k == 0 ? fmt::format("f_dc_{}", channel) : fmt::format("f_rest_{}", channel * above + k - 1);
        columns_.push_back(vertex.find(name));
        if (columns_.back() == nullptr) reader.fail("element vertex", "no property " + name, "it beside its kin");
      }
    }
  }

  std::vector<const PlyFile::Property*> columns_;
  bool has_colour_ = false;
  int degree_ = 0;
};

std::string header(const SceneSpans& scene) {
  std::string text = "ply\nformat binary_little_endian 1.0\n" + antialiased_comment(scene.antialiased) +
                     fmt::format("element vertex {}\n", scene.count());
  const auto add = [&](const std::string& name) { text += "property float " + name + "\n"; };
  for (const char* name : {"x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"}) add(name);
  for (int i = 0; i < 3 * (sh_coefficients(scene.sh_degree) - 1); ++i) add(fmt::format("f_rest_{}", i));
  for (const char* name : {"opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"}) add(name);
  return text + "end_header\n";
}

void append_row(const SceneSpans& scene, int64_t n, std::vector<float>& rows) {
  const auto add = [&](std::span<const float> from, int64_t width) {
    rows.insert(rows.end(), from.begin() + n * width, from.begin() + (n + 1) * width);
  };
  const int64_t coefficients = sh_coefficients(scene.sh_degree);
  const float* sh = scene.sh.data() + 3 * n * coefficients;
  add(scene.means, 3);
  rows.insert(rows.end(), 3, 0.0f);  // normals
  rows.insert(rows.end(), sh, sh + 3);
  for (int channel = 0; channel < 3; ++channel)
    for (int64_t k = 1; k < coefficients; ++k) rows.push_back(sh[3 * k + channel]);
  add(scene.opacity_logits, 1);
  add(scene.log_scales, 3);
  add(scene.quats, 4);
}

}  // namespace

bool is_ply(Bytes bytes) { return PlyFile::is_ply(bytes); }

Scene read_ply(Bytes bytes, const std::filesystem::path& path) {
  const formats::ByteReader reader(bytes, "read a Gaussian scene", path.string());
  const PlyFile file = PlyFile::parse(bytes, path.string());
  const PlyFile::Element* vertex = file.find("vertex");
  if (vertex == nullptr) reader.fail("header", "no element vertex", "one");
  const Columns columns(*vertex, reader);
  check_count(vertex->count, bytes.size(), path);
  Scene scene = Scene::zeros(static_cast<int64_t>(vertex->count), columns.sh_degree());
  scene.antialiased = antialiased_by(file.comments());
  const size_t width = columns.get().size();
  std::vector<float> rows(kBlock * width);
  for (uint64_t first = 0; first < vertex->count; first += kBlock) {
    const uint64_t count = std::min(kBlock, vertex->count - first);
    file.read(*vertex, columns.get(), first, std::span(rows).first(count * width));
    for (uint64_t i = 0; i < count; ++i)
      columns.unpack(rows.data() + i * width, static_cast<int64_t>(first + i), scene);
  }
  return scene;
}

std::vector<int64_t> write_ply(const Scene& scene, const std::filesystem::path& path, const SaveOptions&) {
  write_ply(spans_of(scene), path);
  return {};
}

void write_ply(const SceneSpans& scene, const std::filesystem::path& path) {
  AtomicFile file(path);
  file.write(header(scene));
  std::vector<float> rows;
  for (int64_t n = 0; n < scene.count(); ++n) {
    append_row(scene, n, rows);
    if (n + 1 < scene.count() && (n + 1) % static_cast<int64_t>(kBlock) != 0) continue;
    file.write(rows.data(), rows.size() * sizeof(float));
    rows.clear();
  }
  file.commit();
}

}  // namespace orrery::splat
