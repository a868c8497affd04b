# What the store needs beside the room's files: SOCI with its two backends linked (nothing is loaded at run time), and the database's
# numbered schema files, compiled in.
target_link_libraries(orrery_serve PRIVATE Orrery::soci PkgConfig::utf8proc)
set(migrations ${CMAKE_CURRENT_BINARY_DIR}/migrations.cpp)
file(GLOB sql CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/migrations/*.sql)
set(embed ${CMAKE_CURRENT_LIST_DIR}/migrations/embed.cmake)
add_custom_command(OUTPUT ${migrations}
  COMMAND ${CMAKE_COMMAND} -D FOLDER=${CMAKE_CURRENT_LIST_DIR}/migrations -D OUT=${migrations} -P ${embed}
  DEPENDS ${sql} ${embed} VERBATIM)
target_sources(orrery_serve PRIVATE ${migrations})
