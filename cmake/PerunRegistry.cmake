# Tables the build writes, so that a new backend or report format is one file and one line.

# perun_backend(NAME): compiles src/backends/NAME.cpp, which defines `NAME_backend`, and lists it.
function(perun_backend name)
  target_sources(perun_backends PRIVATE backends/${name}.cpp)
  set_property(GLOBAL APPEND PROPERTY PERUN_BACKENDS ${name})
endfunction()

# perun_report(NAME): compiles src/report/NAME.cpp, which defines `NAME_writer`, and lists it.
function(perun_report name)
  target_sources(perun_report PRIVATE report/${name}.cpp)
  set_property(GLOBAL APPEND PROPERTY PERUN_REPORTS ${name})
endfunction()

function(_perun_write_table target property header type suffix function)
  if(NOT TARGET ${target})
    return()
  endif()
  get_property(names GLOBAL PROPERTY ${property})
  set(declared "")
  set(listed "")
  foreach(name IN LISTS names)
    string(APPEND declared "extern const ${type} ${name}_${suffix};\n")
    string(APPEND listed "&${name}_${suffix}, ")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${target}_registry.cpp CONTENT [[
// Written by CMake (cmake/PerunRegistry.cmake).
#include "@header@"
namespace perun {
@declared@
std::span<const @type@* const> @function@() noexcept {
  static constexpr const @type@* all[] = {@listed@};
  return all;
}
}  // namespace perun
]] @ONLY)
  target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${target}_registry.cpp)
endfunction()

# What --format takes, for the layer config, which knows nothing of report.
function(_perun_write_formats)
  get_property(names GLOBAL PROPERTY PERUN_REPORTS)
  list(LENGTH names count)
  list(JOIN names "\", \"" quoted)
  list(POP_BACK names last)
  list(JOIN names ", " words)
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/config/report_formats.hpp CONTENT [[
// Written by CMake (cmake/PerunRegistry.cmake).
#pragma once
#include <array>
#include <string_view>
namespace perun {
/// What --format takes and a report file may end in; report/ has one writer for each.
inline constexpr std::array<std::string_view, @count@> report_formats{"@quoted@"};
inline constexpr std::string_view report_formats_in_words = "@words@ or @last@";
}  // namespace perun
]] @ONLY)
endfunction()

# Call once, after the last perun_backend() and perun_report().
function(perun_write_registries)
  _perun_write_table(perun_backends PERUN_BACKENDS backends/backend.hpp BackendInfo backend backends)
  _perun_write_table(perun_report PERUN_REPORTS report/writer.hpp ReportWriter writer report_writers)
  _perun_write_formats()
endfunction()
