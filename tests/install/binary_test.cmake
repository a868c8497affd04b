# What an application's user downloads: the stripped program stays under 15 MB and does not need libtorch.
#   cmake -D PROGRAM=... -D COPY=... -P binary_test.cmake
execute_process(COMMAND strip -o ${COPY} ${PROGRAM} COMMAND_ERROR_IS_FATAL ANY)
file(SIZE ${COPY} bytes)
if(bytes GREATER_EQUAL 15000000)
  message(FATAL_ERROR "stripped, ${PROGRAM} has ${bytes} bytes, expected fewer than 15000000")
endif()
execute_process(COMMAND ldd ${COPY} OUTPUT_VARIABLE libraries COMMAND_ERROR_IS_FATAL ANY)
if(libraries MATCHES "lib(torch|c10)[^ ]*")
  message(FATAL_ERROR "${PROGRAM} needs ${CMAKE_MATCH_0}, expected nothing from below the libtorch line")
endif()
message("${bytes} bytes stripped")
