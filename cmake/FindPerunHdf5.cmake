# HDF5, linked statically where the archives are there: Debian's shared libhdf5 pulls in some 40 libraries
# (curl, ssl ...) and costs 17 ms per process start, which the launcher cannot afford.
find_path(PERUN_HDF5_INCLUDE hdf5.h PATH_SUFFIXES hdf5/serial)
find_library(PERUN_HDF5_LIBRARY NAMES libhdf5_serial.a hdf5_serial hdf5)
find_library(PERUN_HDF5_HL_LIBRARY NAMES libhdf5_serial_hl.a hdf5_serial_hl hdf5_hl)
find_library(PERUN_SZIP_LIBRARY NAMES libsz.a sz)
find_library(PERUN_AEC_LIBRARY NAMES libaec.a aec)
find_library(PERUN_ZLIB_LIBRARY NAMES libz.a z)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(PerunHdf5 REQUIRED_VARS PERUN_HDF5_LIBRARY PERUN_HDF5_HL_LIBRARY PERUN_HDF5_INCLUDE
  PERUN_SZIP_LIBRARY PERUN_AEC_LIBRARY PERUN_ZLIB_LIBRARY)
if(PerunHdf5_FOUND AND NOT TARGET Perun::Hdf5)
  add_library(Perun::Hdf5 INTERFACE IMPORTED)
  target_include_directories(Perun::Hdf5 SYSTEM INTERFACE ${PERUN_HDF5_INCLUDE})
  target_link_libraries(Perun::Hdf5 INTERFACE ${PERUN_HDF5_HL_LIBRARY} ${PERUN_HDF5_LIBRARY} ${PERUN_SZIP_LIBRARY}
    ${PERUN_AEC_LIBRARY} ${PERUN_ZLIB_LIBRARY} m ${CMAKE_DL_LIBS})
endif()
if(PerunHdf5_FOUND AND NOT TARGET Perun::Zlib)
  add_library(Perun::Zlib INTERFACE IMPORTED)
  target_link_libraries(Perun::Zlib INTERFACE ${PERUN_ZLIB_LIBRARY})
endif()
mark_as_advanced(PERUN_HDF5_INCLUDE PERUN_HDF5_LIBRARY PERUN_HDF5_HL_LIBRARY PERUN_SZIP_LIBRARY PERUN_AEC_LIBRARY PERUN_ZLIB_LIBRARY)
