// LPIPS: how different two pictures look (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a
// Perceptual Metric", sec. 3).
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace orrery::nn {

/// Version 0.1 of the metric, with the networks that the authors' package (lpips) calls alex and vgg.
class Lpips {
 public:
  /// `files` are safetensors or PyTorch's, and have together
  ///   features.N.weight, features.N.bias   the convolutions of torchvision's alexnet or vgg16, whose classifier may
  ///                                        stand beside them; or net.sliceK.N.…, as the package saves a whole LPIPS
  ///   linK.model.1.weight                  [1, channels, 1, 1], the package's weights/v0.1/alex.pth or vgg.pth
  /// Throws Error naming file and tensor where one is missing, there twice, unknown, or of a shape that the network
  /// does not have; which network it is, the first convolution's shape says.
  static Lpips open(std::span<const std::filesystem::path> files);

  /// "alex" or "vgg".
  const std::string& network() const { return network_; }
  /// Pixels to a side below which nothing is left of a picture.
  int least_size() const { return least_size_; }

  /// Of two pictures [height, width, 3] of 0…1, which the package takes with normalize=True: 0 where they are the same.
  /// In five places features are brought to length 1 in every pixel; the squares of what they differ in are weighted by
  /// channel, summed, and averaged over pixels. Takes 1 KB per pixel (vgg; alex 0.1) while it computes. The
  /// same on any number of threads. width, height ≥ least_size().
  double operator()(int width, int height, std::span<const float> a, std::span<const float> b) const;

 private:
  struct Layer {
    at::Tensor weight, bias;  ///< [strips, inputs·kernel², 16], as kernels::matmul reads them; [outputs]
    int64_t kernel, stride, padding;
    int pool;             ///< the square of which a maximum is taken before, every second one; 0: none
    at::Tensor compared;  ///< [channels] weights of what its outputs differ in; undefined: they are not compared
  };

  std::string network_;
  int least_size_ = 0;
  std::vector<Layer> layers_;
};

}  // namespace orrery::nn
