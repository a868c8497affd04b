// Hand-made PyTorch files, good and bad.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::formats {

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Opcodes of protocol 2.
struct Pickle {
  std::string code = "\x80\x02";

  Pickle& op(std::string_view opcode) { return code += opcode, *this; }
  Pickle& text(std::string_view value) {
    code += 'X' + raw(static_cast<uint32_t>(value.size()));
    return op(value);
  }
  Pickle& integer(int64_t value) { return op(std::string("\x8a\x08") + raw(value)); }
  Pickle& global(std::string_view module, std::string_view name) {
    return op("c").op(module).op("\n").op(name).op("\n");
  }
  Pickle& integers(const std::vector<int64_t>& values) {
    op("(");
    for (int64_t value : values) integer(value);
    return op("t");
  }
  Pickle& storage(std::string_view type, std::string_view key, int64_t numel) {
    op("(").text("storage").global("torch", type).text(key).text("cpu").integer(numel);
    return op("tQ");
  }
  /// A tensor on a storage of its own or a shared one.
  Pickle& tensor(std::string_view key, int64_t numel, int64_t offset, const std::vector<int64_t>& size,
                 const std::vector<int64_t>& stride, std::string_view type = "FloatStorage") {
    global("torch._utils", "_rebuild_tensor_v2").op("(").storage(type, key, numel).integer(offset);
    return integers(size).integers(stride).op("\x89").global("collections", "OrderedDict").op(")RtR");
  }
  std::string stop() const { return code + "."; }
};

struct ZipEntry {
  std::string name, body;
  uint16_t method = 0;
};

/// A zip archive of those entries; `zip64` writes every size and offset in the zip64 fields.
inline std::string zip_of(const std::vector<ZipEntry>& entries, bool zip64 = false) {
  std::string out, directory;
  for (const auto& [name, body, method] : entries) {
    const uint64_t header = out.size(), size = body.size();
    const std::string extra =
        zip64 ? raw<uint16_t>(1) + raw<uint16_t>(24) + raw(size) + raw(size) + raw(header) : std::string();
    const auto narrow = [&](uint64_t value) { return raw(zip64 ? UINT32_MAX : static_cast<uint32_t>(value)); };
    out += "PK\3\4" + raw<uint16_t>(20) + raw<uint16_t>(0) + raw(method) + raw<uint32_t>(0) + raw<uint32_t>(0) +
           narrow(size) + narrow(size) + raw(static_cast<uint16_t>(name.size())) + raw<uint16_t>(0) + name + body;
    directory += "PK\1\2" + raw<uint32_t>(0x00140014) + raw<uint16_t>(0) + raw(method) + raw<uint32_t>(0) +
                 raw<uint32_t>(0) + narrow(size) + narrow(size) + raw(static_cast<uint16_t>(name.size())) +
                 raw(static_cast<uint16_t>(extra.size())) + raw<uint16_t>(0) + raw<uint64_t>(0) + narrow(header) +
                 name + extra;
  }
  const uint64_t count = entries.size(), offset = out.size(), size = directory.size();
  out += directory;
  if (zip64) {
    const uint64_t end64 = out.size();
    out += "PK\6\6" + raw<uint64_t>(44) + raw<uint32_t>(0x002d002d) + raw<uint64_t>(0) + raw(count) + raw(count) +
           raw(size) + raw(offset);
    out += "PK\6\7" + raw<uint32_t>(0) + raw(end64) + raw<uint32_t>(1);
    return out + "PK\5\6" + raw<uint32_t>(0) + raw<uint16_t>(65535) + raw<uint16_t>(65535) + raw(UINT32_MAX) +
           raw(UINT32_MAX) + raw<uint16_t>(0);
  }
  return out + "PK\5\6" + raw<uint32_t>(0) + raw(static_cast<uint16_t>(count)) + raw(static_cast<uint16_t>(count)) +
         raw(static_cast<uint32_t>(size)) + raw(static_cast<uint32_t>(offset)) + raw<uint16_t>(0);
}

/// What torch.save writes: the pickle and the storages by key.
inline std::string torch_zip(const std::string& pickle,
                             const std::vector<std::pair<std::string, std::string>>& storages = {},
                             bool zip64 = false) {
  std::vector<ZipEntry> entries = {{"a/data.pkl", pickle}, {"a/byteorder", "little"}};
  for (const auto& [key, body] : storages) entries.push_back({"a/data/" + key, body});
  entries.push_back({"a/version", "3\n"});
  return zip_of(entries, zip64);
}

/// What it wrote before 1.6; `keys` is the pickled list of storage keys, `tail` the storages with their counts.
inline std::string torch_stream(const std::string& pickle, const std::string& keys, const std::string& tail) {
  return Pickle{}.op("\x8a\x0a").op("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19").stop() + Pickle{}.integer(1001).stop() +
         Pickle{}.op("}").text("little_endian").op("\x88s").stop() + pickle + keys + tail;
}

}  // namespace orrery::formats
