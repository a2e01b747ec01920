# `cmake --install`, find_package(tierscope) for other projects, and the Debian package (`cpack` in the build folder).
include(CMakePackageConfigHelpers)

# Manual pages and completion come from the program's own descriptions of its commands.
set(generated_docs ${CMAKE_BINARY_DIR}/docs)
set(completion_commands "")
foreach(shell bash zsh fish)
  list(APPEND completion_commands COMMAND tierscope completion ${shell} > ${generated_docs}/${shell})
endforeach()
add_custom_command(OUTPUT ${generated_docs}/written
  COMMAND ${CMAKE_COMMAND} -E make_directory ${generated_docs}
  COMMAND tierscope manual ${generated_docs}/man
  ${completion_commands}
  COMMAND ${CMAKE_COMMAND} -E touch ${generated_docs}/written
  DEPENDS tierscope COMMENT "manual pages and completion" VERBATIM)
add_custom_target(tierscope_docs ALL DEPENDS ${generated_docs}/written)

install(TARGETS tierscope RUNTIME)
install(DIRECTORY ${generated_docs}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${generated_docs}/bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME tierscope)
install(FILES ${generated_docs}/zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _tierscope)
install(FILES ${generated_docs}/fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME tierscope.fish)
install(DIRECTORY experiments/plans DESTINATION ${CMAKE_INSTALL_DATADIR}/tierscope)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The rooms as libraries: tierscope::placement and the rest, headers by their rooms' paths.
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/tierscope)
get_property(rooms GLOBAL PROPERTY TIERSCOPE_ROOMS)
foreach(room ${rooms})
  set_target_properties(tierscope_${room} PROPERTIES EXPORT_NAME ${room})
  target_include_directories(tierscope_${room} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/tierscope>)
  install(TARGETS tierscope_${room} EXPORT tierscope_rooms ARCHIVE)
endforeach()
install(DIRECTORY runtime traces sim reports experiments DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tierscope
  FILES_MATCHING PATTERN "*.h" PATTERN node_modules EXCLUDE PATTERN web EXCLUDE PATTERN bench EXCLUDE
  PATTERN kernels EXCLUDE)
install(EXPORT tierscope_rooms NAMESPACE tierscope:: DESTINATION ${package_folder})
configure_package_config_file(cmake/tierscopeConfig.cmake.in ${CMAKE_BINARY_DIR}/tierscopeConfig.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/tierscopeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/tierscopeConfig.cmake ${CMAKE_BINARY_DIR}/tierscopeConfigVersion.cmake
  DESTINATION ${package_folder})

# Packing takes what is built; it does not build the tests first.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tierscope)
set(CPACK_PACKAGE_CONTACT "the tierscope developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "where per-layer embedding tables of language models should live")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
include(CPack)
