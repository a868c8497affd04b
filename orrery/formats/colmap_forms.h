// One pair of files per form of a COLMAP model, for colmap.cpp alone.
#pragma once

#include "orrery/base/file.h"
#include "orrery/formats/colmap.h"

namespace orrery::formats {

inline constexpr const char* kReadingColmap = "read a COLMAP model";

std::vector<ColmapCamera> parse_binary_cameras(std::span<const std::byte> bytes, const std::string& name);
std::vector<ColmapImage> parse_binary_images(std::span<const std::byte> bytes, const std::string& name,
                                             const ColmapOptions& options);
std::vector<ColmapPoint> parse_binary_points(std::span<const std::byte> bytes, const std::string& name,
                                             const ColmapOptions& options);
void write_binary(const std::vector<ColmapCamera>& cameras, AtomicFile& file);
void write_binary(const std::vector<ColmapImage>& images, AtomicFile& file);
void write_binary(const std::vector<ColmapPoint>& points, AtomicFile& file);

std::vector<ColmapCamera> parse_text_cameras(std::string_view text, const std::string& name);
std::vector<ColmapImage> parse_text_images(std::string_view text, const std::string& name,
                                           const ColmapOptions& options);
std::vector<ColmapPoint> parse_text_points(std::string_view text, const std::string& name,
                                           const ColmapOptions& options);
void write_text(const std::vector<ColmapCamera>& cameras, AtomicFile& file);
void write_text(const std::vector<ColmapImage>& images, AtomicFile& file);
void write_text(const std::vector<ColmapPoint>& points, AtomicFile& file);

}  // namespace orrery::formats
