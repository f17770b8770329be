# perun_layer(NAME [SOURCES ...] [LAYERS ...] [LIBRARIES ...]): one folder of src/ as a static library.
# LAYERS are the folders it may include (docs/design.md); tests/contract/layers.py holds the includes to it.
function(perun_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LAYERS;LIBRARIES")
  list(TRANSFORM arg_SOURCES PREPEND ${name}/)
  list(TRANSFORM arg_LAYERS PREPEND perun_)
  add_library(perun_${name} STATIC ${arg_SOURCES})
  target_link_libraries(perun_${name} PUBLIC ${arg_LAYERS} ${arg_LIBRARIES})
  target_include_directories(perun_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/src
    ${PROJECT_SOURCE_DIR}/include)
  perun_warnings(perun_${name})
endfunction()

function(perun_warnings target)
  # GCC 12 sees overlapping copies in std::string where there are none (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
  endif()
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor;-Wold-style-cast;-Woverloaded-virtual> -Wformat=2
    -Wno-restrict  # GCC 12 sees overlaps in "x" + string that are not there (its bug 105651)
    $<$<BOOL:${PERUN_WERROR}>:-Werror>)
endfunction()
