# Runs the corpus in $QUIRE_CONFORMANCE_DIR against PROGRAM, prints its table and
# fails when fewer than FLOOR percent of the core vectors have the right verdict.

set(corpus "$ENV{QUIRE_CONFORMANCE_DIR}")
if(corpus STREQUAL "")
    message("skipped: QUIRE_CONFORMANCE_DIR is not set")
    return()
endif()
find_program(NODE node REQUIRED)

execute_process(COMMAND "${NODE}" "${corpus}/run.mjs" -- "${PROGRAM}"
    OUTPUT_VARIABLE table ECHO_OUTPUT_VARIABLE ECHO_ERROR_VARIABLE)
if(NOT table MATCHES "ALL +core +([0-9]+) +([0-9]+) ")
    message(FATAL_ERROR "the runner printed no total for the core tier")
endif()
set(total "${CMAKE_MATCH_1}")
set(right "${CMAKE_MATCH_2}")
math(EXPR reached "${right} * 100")
math(EXPR needed "${total} * ${FLOOR}")
if(reached LESS needed)
    message(FATAL_ERROR
        "core verdicts: ${right} of ${total} are right, below the floor of ${FLOOR} %")
endif()
