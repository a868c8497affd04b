// The viewer of Gaussian scenes: a page, served or written as one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace orrery::serve {

struct ViewOptions {
  std::filesystem::path scene;    ///< a scene file in any format, a SOG folder, or a training run's folder
  std::filesystem::path cameras;  ///< as splat::read_cameras takes it; empty: a run's own
  uint16_t port = 0;              ///< on 127.0.0.1; 0: a free one
};

/// Serves the page until SIGTERM, SIGINT or SIGHUP. When the scene's file is written anew, the page shows it within
/// seconds. `ready` is called once, with the page's address. Throws Error before anything is served: for what cannot be
/// read, an address that cannot be had, a program without the viewer's page.
void view_scene(const ViewOptions& options, const std::function<void(const std::string& address)>& ready);

/// Writes a page that holds the scene and all that it needs: it works from a disk, without a network. Cameras lose
/// their photos. Returns its size.
uint64_t export_scene(const ViewOptions& options, const std::filesystem::path& page);

}  // namespace orrery::serve
