# Targets `format` (rewrites), `check-format` and `check-tidy` (fail).

file(GLOB_RECURSE lockstep_all_code CONFIGURE_DEPENDS
  runtime/*.[ch]pp exchange/*.[ch]pp operators/*.[ch]pp console/*.[ch]pp kafka/*.[ch]pp bench/*.[ch]pp tests/*.[ch]pp tools/*.[ch]pp
  examples/*.[ch]pp)
list(APPEND lockstep_all_code ${PROJECT_SOURCE_DIR}/lockstep.hpp)
find_program(CLANG_FORMAT clang-format)
if(CLANG_FORMAT)
  add_custom_target(format COMMAND ${CLANG_FORMAT} -i ${lockstep_all_code} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
  add_custom_target(check-format COMMAND ${CLANG_FORMAT} --dry-run -Werror ${lockstep_all_code}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
endif()
find_program(RUN_CLANG_TIDY run-clang-tidy)
if(RUN_CLANG_TIDY)
  add_custom_target(check-tidy COMMAND ${RUN_CLANG_TIDY} -quiet -p ${PROJECT_BINARY_DIR} "^${PROJECT_SOURCE_DIR}/(runtime|exchange|operators|console|kafka|tools|examples)/"
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
endif()
