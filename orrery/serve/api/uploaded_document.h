// Documents that come in a request.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "orrery/text/documents/document.h"

namespace orrery::serve {

/// A PDF, HTML or text file's bytes, by the name it is to be cited by. Throws Refusal: 415 for what is no document, 422
/// for one that cannot be read (encrypted, damaged, pictures only).
text::Document read_uploaded_document(const std::string& bytes, const std::string& name);

/// {"name", "pages": [{"number", "text"}], "text", "warning"}
nlohmann::ordered_json document_json(const text::Document& document);

}  // namespace orrery::serve
