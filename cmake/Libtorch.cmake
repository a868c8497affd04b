# Orrery::libtorch, for the rooms below its line: the libtorch that setup/fetch.sh keeps in the cache, or the one that Torch_DIR names
# (2.8 or later; with CUDA where that has it). Without either, those rooms are left out, and ORRERY_LIBTORCH says so.
set(fetched ${ORRERY_CACHE}/libtorch-2.15.0)

add_library(orrery_libtorch INTERFACE)
add_library(Orrery::libtorch ALIAS orrery_libtorch)
if(Torch_DIR)
  find_package(Torch 2.8 REQUIRED)
  set(libtorch_includes ${TORCH_INCLUDE_DIRS})
  target_link_libraries(orrery_libtorch INTERFACE ${TORCH_LIBRARIES})
  set(ORRERY_LIBTORCH ${Torch_DIR} CACHE INTERNAL "Where libtorch is")
elseif(EXISTS ${fetched}/torch AND EXISTS ${fetched}/nvidia/cu13/lib/libcupti.so.13 AND EXISTS ${fetched}/nvidia/cu13/lib/libcudart.so.13
       AND EXISTS ${ORRERY_CACHE}/uplot-1.6.31/uplot.iife.min.js)  # make fetches it with libtorch; an older cache has only that
  set(libtorch_includes ${fetched}/torch/include ${fetched}/torch/include/torch/csrc/api/include)
  # By their names alone, which needs no CUDA toolkit as the wheel's own CMake package does. libtorch_cpu finds the others by itself.
  target_link_libraries(orrery_libtorch INTERFACE ${fetched}/torch/lib/libtorch_cpu.so ${fetched}/torch/lib/libc10.so)
  set(ORRERY_LIBTORCH ${fetched} CACHE INTERNAL "Where libtorch is")
else()
  message(STATUS "No libtorch in ${fetched} and no Torch_DIR: the rooms below its line are left out (make fetches it)")
  set(ORRERY_LIBTORCH "" CACHE INTERNAL "Where libtorch is")
endif()
# Behind the system's: libtorch brings headers of other libraries (fmt) that are not those linked here.
foreach(folder ${libtorch_includes})
  target_compile_options(orrery_libtorch INTERFACE "SHELL:-idirafter ${folder}")
endforeach()

# A room that may use libtorch: orrery_torch_room(nn USES base text)
function(orrery_torch_room name)
  orrery_room(${name} ${ARGN})
  target_link_libraries(orrery_${name} PUBLIC Orrery::libtorch)
  orrery_torch_headers(orrery_${name} rooms)
endfunction()

# libtorch's headers are compiled once for all rooms and once for all programs (whose code may be placed otherwise): half a GB each.
function(orrery_torch_headers target kind)
  get_property(first GLOBAL PROPERTY orrery_torch_headers_of_${kind})
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/orrery/nn/torch.h)
    set_property(GLOBAL PROPERTY orrery_torch_headers_of_${kind} ${target})
  endif()
endfunction()
