# `cmake --install` gives the programs, the static libraries of the rooms, the public headers and a package, so that
# find_package(Orrery) brings Orrery::orrery with all that it needs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(ORRERY_ROOMS base formats kernels text splat)
list(TRANSFORM ORRERY_ROOMS PREPEND orrery_ OUTPUT_VARIABLE room_targets)

# Orrery::orrery: everything above the libtorch line.
add_library(orrery_all INTERFACE)
target_link_libraries(orrery_all INTERFACE ${room_targets} nlohmann_json::nlohmann_json)
target_compile_features(orrery_all INTERFACE cxx_std_20)
set_target_properties(orrery_all PROPERTIES EXPORT_NAME orrery)
add_library(Orrery::orrery ALIAS orrery_all)

install(TARGETS orrery_all ${room_targets} EXPORT OrreryTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

# The umbrella and what it includes; the test PackageIsFoundAndRuns notices one that is missing.
foreach(header IN ITEMS orrery.h base/buffer.h base/dtype.h base/error.h base/tensor_view.h formats/image.h splat/difference.h splat/file.h splat/scene.h text/adapters/adapter.h text/chat/chat.h text/chat/template.h
                        text/checkpoint.h text/decoder_spec.h text/documents/document.h text/engine/engine.h text/pictures/picture_prompt.h text/sampling/grammar.h text/sampling/sampler.h
                        text/tokenizer/tokenizer.h)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${PROJECT_SOURCE_DIR}/orrery/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/orrery/${folder})
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Orrery)
install(EXPORT OrreryTargets NAMESPACE Orrery:: DESTINATION ${package})
configure_package_config_file(cmake/OrreryConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/OrreryConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/OrreryConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/OrreryConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/OrreryConfigVersion.cmake
  DESTINATION ${package})
