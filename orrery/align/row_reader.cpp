#include "orrery/align/row_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/gzip.h"

namespace orrery::align {

namespace {

constexpr size_t kLongestRow = 16 << 20;
constexpr const char* kBlank = " \t\r\n";

/// nlohmann::json parses any depth but copies and writes by recursion, and it looks ordered members up one by one.
void check_shape(std::string_view text) {
  constexpr size_t kDeepest = 100, kMostMembers = 1000;
  std::array<size_t, kDeepest + 1> members{};
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      if (c == '\\') ++i;
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepest) throw Bad{fmt::format("it is nested more than {} levels deep", kDeepest)};
      members[depth] = 0;
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
    } else if (c == ':' && ++members[depth] > kMostMembers) {
      throw Bad{fmt::format("it has an object of more than {} members", kMostMembers)};
    }
  }
}

/// Takes a file piece by piece and gives its rows out.
class RowSplitter {
 public:
  RowSplitter(std::string file, const std::function<void(std::string_view, int64_t)>& visit)
      : file_(std::move(file)), visit_(visit) {}

  void feed(std::string_view piece) {
    while (!piece.empty()) {
      if (mode_ == Mode::kStart) {
        piece.remove_prefix(start(piece));
      } else if (mode_ == Mode::kLines) {
        piece.remove_prefix(line(piece));
      } else if (mode_ == Mode::kList) {
        piece.remove_prefix(element(piece));
      } else {
        if (piece.find_first_not_of(kBlank) != piece.npos) refuse("something behind the end of a list");
        return;
      }
    }
  }

  void finish() {
    if (mode_ == Mode::kList) refuse("a list that does not end");
    if (mode_ == Mode::kLines) end_row(!blank());
  }

 private:
  // Each takes what it can use of a piece and says how much that was.

  size_t start(std::string_view piece) {
    const size_t first = std::min(piece.find_first_not_of(" \t\r\n\xEF\xBB\xBF"), piece.size());
    place_ += std::ranges::count(piece.substr(0, first), '\n');
    if (first == piece.size()) return first;
    mode_ = piece[first] == '[' ? Mode::kList : Mode::kLines;
    if (mode_ == Mode::kLines) return first;
    place_ = 0;
    return first + 1;
  }

  size_t line(std::string_view piece) {
    const size_t end = piece.find('\n');
    append(piece.substr(0, end));
    if (end == piece.npos) return piece.size();
    end_row(!blank());
    return end + 1;
  }

  size_t element(std::string_view piece) {
    for (size_t i = 0; i < piece.size(); ++i) {
      const char c = piece[i];
      if (in_string_) {
        in_string_ = escaped_ || c != '"';
        escaped_ = !escaped_ && c == '\\';
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if (depth_ > 0) {
        if (c == '}' || c == ']') --depth_;
      } else if (c == ',' || c == ']') {
        append(piece.substr(0, i));
        if (c == ']') mode_ = Mode::kEnd;
        end_row(c == ',' || !blank() || place_ > 0);  // a comma before the end promises one more
        return i + 1;
      }
    }
    append(piece);
    return piece.size();
  }

  /// Keeps one byte more than a row may have, so that it is seen to be too long.
  void append(std::string_view part) { row_ += part.substr(0, kLongestRow + 1 - row_.size()); }
  bool blank() const { return row_.find_first_not_of(kBlank) == row_.npos; }

  void end_row(bool is_row) {
    ++place_;
    if (is_row) visit_(row_, place_);
    row_.clear();
  }

  [[noreturn]] void refuse(std::string found) const {
    throw Error({.doing = "read training data",
                 .where = file_,
                 .found = std::move(found),
                 .expected = "a JSON list, or a JSON object per line"});
  }

  const std::string file_;
  const std::function<void(std::string_view, int64_t)>& visit_;
  enum class Mode { kStart, kLines, kList, kEnd } mode_ = Mode::kStart;
  std::string row_;
  int64_t place_ = 0;
  int64_t depth_ = 0;  // of a list's element
  bool in_string_ = false, escaped_ = false;
};

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Json parse_json(std::string_view text) {
  if (text.size() > kLongestRow) throw Bad{fmt::format("it is longer than {} MiB", kLongestRow >> 20)};
  check_shape(text);
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    std::string_view why = error.what();  // "[json.exception.parse_error.101] parse error at line 1, column 5: …"
    why.remove_prefix(std::min(why.find("] ") + 2, why.size()));
    throw Bad{fmt::format("it is no JSON: {}", why.substr(0, why.find("; last read")))};
  }
}

void for_each_row(const std::filesystem::path& file,
                  const std::function<void(std::string_view row, int64_t place)>& visit) {
  const MappedFile mapped = MappedFile::open(file);
  const std::span<const std::byte> bytes = mapped.bytes();
  constexpr size_t kPiece = 1 << 18;
  RowSplitter splitter(file.string(), visit);
  if (formats::is_gzip(bytes)) {
    formats::GzipReader reader(bytes, file.string());
    std::vector<std::byte> piece(kPiece);
    size_t released = 0;
    while (const size_t size = reader.read(piece)) {
      splitter.feed(as_text(std::span(piece).first(size)));
      mapped.release(bytes.subspan(released, reader.position() - released));
      released = reader.position();
    }
  } else {
    for (size_t at = 0; at < bytes.size(); at += kPiece) {
      const auto piece = bytes.subspan(at, std::min(kPiece, bytes.size() - at));
      splitter.feed(as_text(piece));
      mapped.release(piece);
    }
  }
  splitter.finish();
}

}  // namespace orrery::align
