# The pages' files, made anew in OUT: those of the status page as they are; with PACKAGES, GraphiQL.
#
#     cmake -D SOURCE=... -D OUT=... [-D PACKAGES=... -D NODE=...] -P make.cmake
file(REMOVE_RECURSE "${OUT}")
file(MAKE_DIRECTORY "${OUT}")
if(PACKAGES)
    execute_process(COMMAND "${NODE}" "${SOURCE}/build.mjs" "${PACKAGES}" "${OUT}"
        COMMAND_ERROR_IS_FATAL ANY)
endif()
file(GLOB own "${SOURCE}/admin/*")
file(COPY ${own} DESTINATION "${OUT}")
file(TOUCH "${OUT}.stamp")
