#include "orrery/serve/api/attachments.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "orrery/serve/api/uploaded_document.h"
#include "orrery/text/tokenizer/base64.h"

namespace orrery::serve {
namespace {

constexpr int64_t kMostPixels = int64_t{1} << 26;  // 201 MB of RGB

std::string decoded(std::string_view base64, const std::string& field) {
  try {
    return text::decode_base64(base64, field);
  } catch (const Error& error) {
    throw Refusal(400, field, error.parts());
  }
}

// "data:image/png;base64,…". What the type says is not asked for: the bytes say it themselves.
std::string bytes_of_url(std::string_view url, const std::string& field, const std::string& example) {
  const auto refuse = [&](const std::string& found, const std::string& advice = "") {
    throw Refusal(400, field,
                  {.doing = "read the request",
                   .where = field,
                   .found = found,
                   .expected = "data:" + example + ";base64,…",
                   .advice = advice});
  };
  if (url.starts_with("http://") || url.starts_with("https://"))
    refuse("an address of another server", "send the data itself: this server fetches nothing");
  if (!url.starts_with("data:")) refuse("no data URL");
  const size_t comma = url.find(',');
  if (comma == url.npos || !url.substr(0, comma).ends_with(";base64")) refuse("a data URL that is not base64");
  return decoded(url.substr(comma + 1), field);
}

Attachment picture(Fields& fields, std::string_view name, const std::string& part) {
  const auto field = fields.at(name);
  Attachment attachment{.kind = Attachment::Kind::kPicture, .part = part, .field = field};
  attachment.bytes = bytes_of_url(fields.text_or_throw(name), field, "image/png");
  if (const auto detail = fields.text("detail"); detail && *detail != "auto" && *detail != "high")
    fields.refuse("detail", "\"" + *detail + "\"", "auto or high: pictures are seen as they are");
  return attachment;
}

Attachment file(Fields& fields, const std::string& part) {
  fields.only("file_id", nullptr, "nothing: no files are kept; send file_data");
  fields.only("file_url", nullptr, "nothing: this server fetches nothing; send file_data");
  Attachment attachment{.kind = Attachment::Kind::kFile, .part = part, .field = fields.at("file_data")};
  const std::string data = fields.text_or_throw("file_data");
  attachment.bytes = data.find(':') == data.npos ? decoded(data, attachment.field)
                                                 : bytes_of_url(data, attachment.field, "application/pdf");
  attachment.name = fields.text("filename").value_or("");
  if (attachment.name.empty()) attachment.name = "file";
  return attachment;
}

}  // namespace

bool is_attachment(const std::string& type) {
  return type == "image_url" || type == "input_image" || type == "file" || type == "input_file";
}

Attachment read_attachment(Fields& part, const std::string& type) {
  const std::string path = part.path();
  if (type == "input_file") return file(part, path);
  if (type == "input_image") {
    part.only("file_id", nullptr, "nothing: no files are kept; send image_url");
    return picture(part, "image_url", path);
  }
  const nlohmann::ordered_json* object = part.object(type);
  if (object == nullptr) part.refuse(type, "nothing", "an object");
  Fields inner(*object, part.at(type));
  Attachment attachment = type == "file" ? file(inner, path) : picture(inner, "url", path);
  inner.finish();
  return attachment;
}

Attachment read_bare_picture(const std::string& base64, const std::string& path) {
  return {.kind = Attachment::Kind::kPicture, .part = path, .field = path, .bytes = decoded(base64, path)};
}

formats::Image decode_picture(const Attachment& picture) {
  try {
    return formats::decode_image(std::as_bytes(std::span(picture.bytes)), picture.field, {.max_pixels = kMostPixels});
  } catch (const formats::ImageTooLarge& error) {
    throw Refusal(413, picture.field, error.parts());
  } catch (const Error& error) {
    throw Refusal(422, picture.field, error.parts());
  }
}

text::Document read_file(const Attachment& file) {
  try {
    return read_uploaded_document(file.bytes, file.name);
  } catch (const Refusal& refusal) {
    throw Refusal(refusal.status, file.field, refusal.parts());
  }
}

}  // namespace orrery::serve
