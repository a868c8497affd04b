#include <fmt/format.h>

#include <filesystem>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/text/tokenizer/loaders.h"
#include "orrery/text/tokenizer/rwkv.h"
#include "orrery/text/tokenizer/tiktoken.h"

namespace orrery::text {

namespace fs = std::filesystem;

std::unique_ptr<Tokenizer> Tokenizer::open(const fs::path& path) {
  fs::path file = path;
  if (fs::is_directory(path)) {
    file = path / "tokenizer.json";
    if (!fs::exists(file)) file = path / "tokenizer.model";
    if (!fs::exists(file)) file = path / kRwkvVocabulary;
    if (!fs::exists(file)) {
      throw Error({.doing = "open a tokenizer",
                   .where = path.string(),
                   .found = fmt::format("neither tokenizer.json, tokenizer.model nor {}", kRwkvVocabulary),
                   .expected = "one of them"});
    }
  }
  const MappedFile mapped = MappedFile::open(file);
  const std::string_view bytes(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
  if (file.extension() == ".txt") return load_rwkv_vocabulary(bytes, file.string());
  const HubConfig config = read_hub_config(file.parent_path());
  if (is_tiktoken(bytes)) return load_tiktoken(bytes, file.string());
  // A ModelProto begins with its first field's tag; JSON with a brace.
  const size_t first = bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first != bytes.npos && bytes[first] == '{') return load_tokenizer_json(bytes, file.string(), config);
  return load_sentencepiece(bytes, file.string(), config);
}

}  // namespace orrery::text
