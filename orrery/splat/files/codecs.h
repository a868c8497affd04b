// One reader and one writer per kind of file, for file.cpp alone; what they are is said there (Format).
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "orrery/splat/file.h"

namespace orrery::splat {

using Bytes = std::span<const std::byte>;

/// INRIA's .ply (Kerbl et al. 2023; graphdeco-inria/gaussian-splatting, GaussianModel.save_ply).
bool is_ply(Bytes bytes);
Scene read_ply(Bytes bytes, const std::filesystem::path& path);
std::vector<int64_t> write_ply(const Scene& scene, const std::filesystem::path& path, const SaveOptions& options);
void write_ply(const SceneSpans& scene, const std::filesystem::path& path);

/// SuperSplat's .compressed.ply (playcanvas/splat-transform): chunks of 256 with their ranges, 16 bytes a Gaussian.
bool is_compressed_ply(Bytes bytes);
Scene read_compressed_ply(Bytes bytes, const std::filesystem::path& path);
std::vector<int64_t> write_compressed_ply(const Scene& scene, const std::filesystem::path& path,
                                          const SaveOptions& options);

/// .splat (antimatter15/splat): 32 bytes a Gaussian, no header.
bool is_splat(Bytes bytes);
Scene read_splat(Bytes bytes, const std::filesystem::path& path);
std::vector<int64_t> write_splat(const Scene& scene, const std::filesystem::path& path, const SaveOptions& options);

/// .spz (nianticlabs/spz), versions 2 to 4.
bool is_spz(Bytes bytes);
Scene read_spz(Bytes bytes, const std::filesystem::path& path);
std::vector<int64_t> write_spz(const Scene& scene, const std::filesystem::path& path, const SaveOptions& options);

/// .ksplat (mkkellogg/GaussianSplats3D, SplatBuffer), version 0.1.
bool is_ksplat(Bytes bytes);
Scene read_ksplat(Bytes bytes, const std::filesystem::path& path);
std::vector<int64_t> write_ksplat(const Scene& scene, const std::filesystem::path& path, const SaveOptions& options);

/// SOG (PlayCanvas, "The SOG Format"): tables as lossless WebP pictures, versions 1 and 2; a zip archive, or meta.json
/// with the pictures beside it. A path that ends in .sog is written as an archive, another one as a folder.
bool is_sog(Bytes bytes);
Scene read_sog(Bytes bytes, const std::filesystem::path& path);
std::vector<int64_t> write_sog(const Scene& scene, const std::filesystem::path& path, const SaveOptions& options);

/// Two of the .ply comments in use say how a scene was trained: Brush's "SplatRenderMode: mip" and Postshot's
/// "antialiased 1". The last one counts.
bool antialiased_by(std::span<const std::string> ply_comments);
/// The header's line for it: Brush's, which splat-transform writes too; empty for an ordinary scene.
std::string antialiased_comment(bool antialiased);

/// Throws the Error of a file that claims more than bytes of its number can hold: a sixteenth of a byte per Gaussian is
/// less than any scene compresses to.
void check_count(uint64_t count, uint64_t file_bytes, const std::filesystem::path& path);

}  // namespace orrery::splat
