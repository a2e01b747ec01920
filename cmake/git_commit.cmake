# Run at each build: writes a source file with the commit, only when it changed, so that one file compiles again.
execute_process(COMMAND git describe --always --dirty --abbrev=12 WORKING_DIRECTORY ${SOURCE}
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit unknown)
endif()
set(text "#include \"experiments/build_info.h\"\n\nnamespace tierscope {\n\nstd::string_view git_commit() {\n  return \"${commit}\";\n}\n\n}  // namespace tierscope\n")
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "${text}" @ONLY)
