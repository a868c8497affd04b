# Writes the OpenAPI document as C++: cmake -D FILE=... -D OUT=... -P embed.cmake
file(READ ${FILE} text)
file(WRITE ${OUT} "// Made from orrery/serve/api/openapi.json\n#include \"orrery/serve/api/openapi.h\"\n\nnamespace orrery::serve {\n
std::string_view openapi_document() {\n  return R\"openapi(${text})openapi\";\n}\n\n}  // namespace orrery::serve\n")
