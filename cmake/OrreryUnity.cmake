# Several sources of one folder compiled as one: headers' templates are then instantiated once for all of them, which takes
# a build from nothing to less than half its time. The price is one rule: names in an anonymous namespace occur once in their folder.
#
#   orrery_unite(text APART families)   not across folders, not these folders' sources, and none with flags of its own
option(ORRERY_UNITY "Compile several sources of a folder as one; OFF compiles again only what changed" ON)
set(ORRERY_UNITED 8)  # more would gain little and make a change to one of them slow to compile

function(orrery_unite target)
  if(ORRERY_UNITY)  # at the folder's end, when all sources have their flags
    cmake_language(EVAL CODE "cmake_language(DEFER CALL orrery_unite_now ${target} ${ARGN})")
  endif()
endfunction()

function(orrery_unite_now target)
  cmake_parse_arguments(ARG "" "" "APART" ${ARGN})
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    cmake_path(GET source PARENT_PATH folder)
    cmake_path(GET folder FILENAME name)
    set(own "")
    foreach(property COMPILE_OPTIONS INCLUDE_DIRECTORIES SKIP_PRECOMPILE_HEADERS)
      get_source_file_property(value ${source} ${property})
      if(value)
        set(own yes)
      endif()
    endforeach()
    if(own OR NOT source MATCHES "\\.cpp$" OR name IN_LIST ARG_APART)
      continue()
    endif()
    cmake_path(RELATIVE_PATH folder BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    string(MAKE_C_IDENTIFIER "${folder}" folder)
    list(APPEND in_${folder} ${source})
    list(LENGTH in_${folder} count)
    math(EXPR part "(${count} - 1) / ${ORRERY_UNITED}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${part})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()
