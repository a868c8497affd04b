#include "orrery/formats/gzip.h"

#define ZLIB_CONST  // it reads through pointers to const
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>

#include "orrery/base/error.h"

namespace orrery::formats {

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

GzipReader::GzipReader(std::span<const std::byte> bytes, std::string name, const GzipOptions& options)
    : bytes_(bytes),
      name_(std::move(name)),
      options_(options),
      rest_(bytes),
      stream_(new z_stream{}, [](z_stream* one) {
        inflateEnd(one);
        delete one;
      }) {
  constexpr int kGzipOnly = 16;
  if (inflateInit2(stream_.get(), MAX_WBITS + kGzipOnly) != Z_OK) refuse("no memory for a decoder", "some");
  begin_member();
  if (!in_member_) refuse("an empty file", "a gzip file");
}

GzipReader::~GzipReader() = default;

size_t GzipReader::read(std::span<std::byte> out) {
  constexpr size_t kMost = 1 << 30;  // zlib counts with 32 bits
  out = out.first(std::min(out.size(), kMost));
  stream_->next_out = reinterpret_cast<Bytef*>(out.data());
  stream_->avail_out = static_cast<uInt>(out.size());
  while (in_member_ && stream_->avail_out > 0) inflate_some();
  const size_t size = out.size() - stream_->avail_out;
  total_ += static_cast<int64_t>(size);
  if (total_ > options_.max_bytes)
    refuse(fmt::format("more than {} bytes inside", options_.max_bytes), "fewer",
           "unpack it with gunzip if it really is that large");
  return size;
}

void GzipReader::inflate_some() {
  constexpr size_t kMost = 1 << 30;
  const size_t size = std::min(rest_.size(), kMost);
  stream_->next_in = reinterpret_cast<const Bytef*>(rest_.data());
  stream_->avail_in = static_cast<uInt>(size);
  const int code = inflate(stream_.get(), Z_NO_FLUSH);
  rest_ = rest_.subspan(size - stream_->avail_in);
  if (code == Z_STREAM_END) {
    begin_member();
  } else if (code == Z_BUF_ERROR) {
    refuse("its end too early", "a whole gzip file", "the file is cut short: fetch it again");
  } else if (code == Z_MEM_ERROR) {
    refuse("no memory for a decoder", "some");
  } else if (code != Z_OK) {
    refuse(fmt::format("damage at byte {} ({})", position(), stream_->msg != nullptr ? stream_->msg : "unknown"),
           "a gzip file", "fetch it again");
  }
}

// Behind a member there may be another one (gzip files can be joined by cat) and zeros (tapes were written in blocks).
void GzipReader::begin_member() {
  if (position() > 0)
    rest_ = {std::ranges::find_if(rest_, [](std::byte one) { return one != std::byte{0}; }), rest_.end()};
  in_member_ = !rest_.empty();
  if (!in_member_) return;
  if (!is_gzip(rest_))
    refuse(
        position() == 0 ? "another kind of file" : fmt::format("something else behind the end, at byte {}", position()),
        "a gzip file");
  inflateReset(stream_.get());
}

void GzipReader::refuse(std::string found, std::string expected, std::string advice) const {
  throw Error({.doing = "read a gzip file",
               .where = name_,
               .found = std::move(found),
               .expected = std::move(expected),
               .advice = std::move(advice)});
}

std::vector<std::byte> gzip_compress(std::span<const std::byte> bytes) {
  constexpr int kGzip = 16, kMemory = 9;
  constexpr size_t kMost = 1 << 30;  // zlib counts with 32 bits
  const std::unique_ptr<z_stream, void (*)(z_stream*)> stream(new z_stream{}, [](z_stream* one) {
    deflateEnd(one);
    delete one;
  });
  if (deflateInit2(stream.get(), Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, kMemory, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    throw std::bad_alloc();
  std::vector<std::byte> out;
  stream->next_in = reinterpret_cast<const Bytef*>(bytes.data());
  for (int code = Z_OK; code != Z_STREAM_END;) {
    const size_t done = static_cast<size_t>(reinterpret_cast<const std::byte*>(stream->next_in) - bytes.data());
    stream->avail_in = static_cast<uInt>(std::min(bytes.size() - done, kMost));
    const bool last = done + stream->avail_in == bytes.size();
    const size_t size = out.size();
    out.resize(size + (1 << 16));
    stream->next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream->avail_out = 1 << 16;
    code = deflate(stream.get(), last ? Z_FINISH : Z_NO_FLUSH);
    out.resize(out.size() - stream->avail_out);
  }
  return out;
}

}  // namespace orrery::formats
