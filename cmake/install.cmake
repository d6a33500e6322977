include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(lockstep_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lockstep)
install(TARGETS lockstep EXPORT lockstep FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lockstep)
if(LOCKSTEP_CHECKPOINT)
  install(TARGETS lockstep_checkpoint EXPORT lockstep FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lockstep)
endif()
install(EXPORT lockstep NAMESPACE lockstep:: DESTINATION ${lockstep_config_dir})
configure_package_config_file(cmake/lockstep-config.cmake.in lockstep-config.cmake INSTALL_DESTINATION ${lockstep_config_dir})
write_basic_package_version_file(lockstep-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lockstep-config.cmake ${PROJECT_BINARY_DIR}/lockstep-config-version.cmake
  DESTINATION ${lockstep_config_dir})
