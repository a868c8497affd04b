// Pictures and files that come inside a conversation's messages.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "orrery/formats/image.h"
#include "orrery/serve/api/fields.h"
#include "orrery/text/documents/document.h"

namespace orrery::serve {

struct Attachment {
  enum class Kind { kPicture, kFile };
  Kind kind;
  std::string part;   ///< where it stands: "messages[0].content[1]"
  std::string field;  ///< its bytes' field: "messages[0].content[1].image_url.url"
  std::string bytes;
  std::string name;    ///< a file's
  size_t message = 0;  ///< whose it is
};

/// A part of a message: OpenAI's image_url and input_image, file and input_file. Its data are in it, as a data: URL or
/// (a file's) base64 alone. Throws Refusal (400) for other URLs, ids of files, and what is no base64.
Attachment read_attachment(Fields& part, const std::string& type);
bool is_attachment(const std::string& type);
/// A picture as base64 alone, Ollama's form.
Attachment read_bare_picture(const std::string& base64, const std::string& path);

/// As people see it. Throws Refusal: 422 for what is no picture or damaged, 413 for more than 67 million pixels.
formats::Image decode_picture(const Attachment& picture);
/// Takes long for a PDF. Throws Refusal as read_uploaded_document() does, naming the field.
text::Document read_file(const Attachment& file);

}  // namespace orrery::serve
