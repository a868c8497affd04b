# Installs the build, builds examples/chat against the installed package alone, and asks it something.
#   cmake -D SOURCE=... -D BINARY=... -P package_test.cmake
set(work ${BINARY}/tests/package)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(status)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${status}\n${output}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BINARY} --prefix ${work}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE}/examples/chat -B ${work}/chat -G Ninja -DCMAKE_BUILD_TYPE=Release
  -DCMAKE_PREFIX_PATH=${work}/prefix -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run(${CMAKE_COMMAND} --build ${work}/chat)

file(WRITE ${work}/question "What is the capital of France?\n")
execute_process(COMMAND ${work}/chat/chat no-such-model RESULT_VARIABLE status ERROR_VARIABLE error OUTPUT_QUIET)
if(NOT status EQUAL 2 OR NOT error MATCHES "no-such-model")
  message(FATAL_ERROR "a model that is not there: exit ${status}, expected 2 and its name\n${error}")
endif()

set(cache $ENV{XDG_CACHE_HOME})
if(NOT cache)
  set(cache $ENV{HOME}/.cache)
endif()
if(NOT EXISTS ${cache}/orrery/models/SmolLM2-135M-Instruct.Q4_1.gguf)
  message("package_test.cmake:0: Skipped\nno default model in the cache (setup/fetch.sh smollm2)\n[  SKIPPED ] the chat")
  return()
endif()
execute_process(COMMAND ${work}/chat/chat INPUT_FILE ${work}/question RESULT_VARIABLE status OUTPUT_VARIABLE answer
  ERROR_VARIABLE error TIMEOUT 120)
if(status OR NOT answer MATCHES "Paris")
  message(FATAL_ERROR "chat: exit ${status}, expected 0 and an answer with Paris in it\n${answer}\n${error}")
endif()
