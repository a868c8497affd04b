# The OpenAPI document, compiled in.
set(openapi ${CMAKE_CURRENT_BINARY_DIR}/openapi.cpp)
add_custom_command(OUTPUT ${openapi}
  COMMAND ${CMAKE_COMMAND} -D FILE=${CMAKE_CURRENT_LIST_DIR}/openapi.json -D OUT=${openapi} -P ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/openapi.json ${CMAKE_CURRENT_LIST_DIR}/embed.cmake VERBATIM)
target_sources(orrery_serve PRIVATE ${openapi})
