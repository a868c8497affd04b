// A scene as the viewer's page is given it.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "orrery/splat/cameras.h"

namespace orrery::serve {

/// The file that `scene` means: scene.ply of a run's folder, meta.json of a SOG folder, or the file itself. Throws
/// Error for a folder that has neither.
std::filesystem::path scene_file(const std::filesystem::path& scene);

/// What the file of cameras says: the one that is asked for, or the cameras.json of a run's folder. Photos that are not
/// there any more are left out.
std::vector<splat::NamedView> cameras_of(const std::filesystem::path& scene, std::filesystem::path file);

/// Something else whenever the file was written anew; empty where it is not there.
std::string revision_of(const std::filesystem::path& file);

/// Read once, immutable.
class ViewedScene {
 public:
  /// Reads a scene in any format and leaves out Gaussians that are not finite. Throws Error where it cannot be read, or
  /// nothing is left.
  explicit ViewedScene(const std::filesystem::path& file);

  /// What web/scene/types.ts calls Info, without "cameras" and "live".
  nlohmann::ordered_json info() const;
  const std::string& revision() const { return revision_; }
  /// As spark_arrays() has it: 32 bytes a Gaussian, 96 with harmonics of degree 3.
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::filesystem::path file_;
  std::string revision_;
  std::vector<std::byte> bytes_;
  int64_t count_ = 0;
  int sh_degree_ = 0;
  bool antialiased_ = false;
  std::array<float, 3> centre_{}, low_{}, high_{};
  float radius_ = 0;
};

/// The cameras as Info has them; `photo_of(i)` is the address of the photo of camera i, JSON null where it has none.
nlohmann::ordered_json cameras_json(std::span<const splat::NamedView> cameras,
                                    const std::function<nlohmann::ordered_json(size_t)>& photo_of);

}  // namespace orrery::serve
