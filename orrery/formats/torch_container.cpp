#include "orrery/formats/torch_container.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "orrery/formats/unpickler.h"
#include "orrery/formats/zip_reader.h"

namespace orrery::formats {
namespace {

constexpr std::string_view kStreamMagic =
    "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // torch.serialization.MAGIC_NUMBER
constexpr int64_t kStreamVersion = 1001;         // torch.serialization.PROTOCOL_VERSION

/// Bytes of all of a storage; throws where the count passes int64.
uint64_t storage_bytes(const PickleStorage& storage, const ByteReader& reader) {
  int64_t bytes = 0;
  if (__builtin_mul_overflow(storage.numel, storage.element_bytes(), &bytes)) {
    reader.fail("storage " + printable(storage.key), fmt::format("{} elements", storage.numel), "a count in range");
  }
  return static_cast<uint64_t>(bytes);
}

}  // namespace

TorchValue read_torch_zip(ByteReader& reader, PickleArena& arena, int64_t budget) {
  const ZipReader zip(reader);
  const auto pickle = std::find_if(zip.entries().begin(), zip.entries().end(), [](const ZipReader::Entry& entry) {
    return entry.name == "data.pkl" || entry.name.ends_with("/data.pkl");
  });
  if (pickle == zip.entries().end()) {
    reader.fail("zip directory", "no data.pkl", "what torch.save writes", "is it another kind of zip file?");
  }
  const std::string folder(pickle->name.substr(0, pickle->name.size() - std::string_view("data.pkl").size()));
  if (const auto* order = zip.find(folder + "byteorder")) {
    const auto text = zip.bytes(*order);
    if (std::string_view(reinterpret_cast<const char*>(text.data()), text.size()) != "little") {
      reader.fail("byteorder", "big-endian data", "little-endian data", "save it again on this kind of machine");
    }
  }
  ByteReader pickled = reader.part(zip.bytes(*pickle));
  const TorchValue root = Unpickler(pickled, arena, budget).run();
  for (PickleStorage& storage : arena.storages) {
    const std::string field = "storage " + printable(storage.key);
    const auto* entry = zip.find(folder + "data/" + std::string(storage.key));
    if (entry == nullptr) reader.fail(field, "no bytes of it", "them in the archive");
    storage.bytes = zip.bytes(*entry);
    if (storage.bytes->size() != storage_bytes(storage, reader)) {
      reader.fail(field, fmt::format("{} bytes", storage.bytes->size()), fmt::format("{} elements", storage.numel));
    }
  }
  return root;
}

TorchValue read_torch_stream(ByteReader& reader, PickleArena& arena, int64_t budget) {
  Unpickler unpickler(reader, arena, budget);
  const TorchValue magic = unpickler.run();
  if (magic.kind() != TorchValue::Kind::kBytes || magic.as_string() != kStreamMagic) {
    reader.fail("magic", "another pickle", "a file that torch.save wrote");
  }
  if (const auto version = unpickler.run().as_int(); version != kStreamVersion) {
    reader.fail("version", version ? std::to_string(*version) : "no number", std::to_string(kStreamVersion));
  }
  if (unpickler.run().find("little_endian").as_bool() == false) {
    reader.fail("byte order", "big-endian data", "little-endian data", "save it again on this kind of machine");
  }
  const TorchValue root = unpickler.run();
  const TorchValue keys = unpickler.run();

  std::unordered_map<std::string_view, PickleStorage*> by_key;
  for (PickleStorage& storage : arena.storages) by_key.emplace(storage.key, &storage);
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto key = keys.at(i).as_string();
    const auto found = key ? by_key.find(*key) : by_key.end();
    if (found == by_key.end() || found->second->bytes) {
      reader.fail("storage " + printable(key.value_or("?")), "bytes of it", "each storage that the object has, once");
    }
    PickleStorage& storage = *found->second;
    const std::string field = "storage " + printable(storage.key);
    if (const auto numel = reader.read<int64_t>(field); numel != storage.numel) {
      reader.fail(field, fmt::format("{} elements", numel), fmt::format("{}, as the object says", storage.numel));
    }
    storage.bytes = reader.take(storage_bytes(storage, reader), field);
  }
  return root;
}

}  // namespace orrery::formats
