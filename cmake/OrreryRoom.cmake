# A room is a folder of orrery/ and a static library of that name. It lists the rooms it may use, and its tests link only it:
# reaching upward fails at link time.
#
#   orrery_room(kernels USES base formats LIBRARIES PkgConfig::hwy)
#
# Sources of a folder are compiled together (OrreryUnity.cmake), but for those of folders APART, and in a room ALONE none.
# Every .cpp below the folder belongs to the room, except bench.cpp (a program of its own) and fuzz_*.cpp. A file named after an
# instruction set is compiled for it and must be entered only after a run-time check (kernels/isa.h).
set(ORRERY_WARNINGS -Wall -Wextra -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND ORRERY_WARNINGS -Wno-unknown-warning-option)  # some files turn off a warning that only GCC has
elseif(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 is wrong about std::string's own code (its bugs 105329, 105651) and about loops of 2^62 rounds, which nobody asks for.
  list(APPEND ORRERY_WARNINGS -Wno-stringop-overflow -Wno-restrict -Wno-aggressive-loop-optimizations)
endif()

function(orrery_room name)
  cmake_parse_arguments(ARG "ALONE" "" "USES;LIBRARIES;APART" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/(bench|fuzz_[a-z0-9_]+)\\.cpp$")
  file(GLOB_RECURSE inner CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt)  # folders that are rooms of their own
  foreach(file ${inner})
    get_filename_component(folder ${file} DIRECTORY)
    list(FILTER sources EXCLUDE REGEX "^${folder}/")
  endforeach()
  foreach(file ${sources})
    get_filename_component(stem ${file} NAME_WE)
    orrery_isa_flags(${stem} flags)
    if(flags STREQUAL "skip")
      list(REMOVE_ITEM sources ${file})
    elseif(flags)
      set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${flags}" SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
  add_library(orrery_${name} STATIC ${sources})
  target_include_directories(orrery_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include>)
  target_compile_options(orrery_${name} PRIVATE ${ORRERY_WARNINGS})
  list(TRANSFORM ARG_USES PREPEND orrery_)
  target_link_libraries(orrery_${name} PUBLIC ${ARG_USES} PRIVATE ${ARG_LIBRARIES})
  set_target_properties(orrery_${name} PROPERTIES EXPORT_NAME ${name})
  if(NOT ARG_ALONE)
    orrery_unite(orrery_${name} APART ${ARG_APART})
  endif()
endfunction()

# The compiler flags of a source named after an instruction set: "skip" where it is another processor's, empty where it is none.
function(orrery_isa_flags stem out)
  set(x86 "")
  if(stem STREQUAL "avx512")
    set(x86 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma -mf16c -mavx2 -mbmi2
        -Wno-uninitialized -Wno-maybe-uninitialized)  # GCC 12 warns inside its own intrinsics
  elseif(stem STREQUAL "avx2")
    set(x86 -mavx2 -mfma -mf16c -mbmi2)
  elseif(stem STREQUAL "neon")
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
      set(${out} -march=armv8.2-a+dotprod+fp16 PARENT_SCOPE)
    else()
      set(${out} skip PARENT_SCOPE)
    endif()
    return()
  else()
    set(${out} "" PARENT_SCOPE)
    return()
  endif()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(${out} ${x86} PARENT_SCOPE)
  else()
    set(${out} skip PARENT_SCOPE)
  endif()
endfunction()
