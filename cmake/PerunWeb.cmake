# The pages of HTML reports: what web/ and uPlot (npm) make together, as templates in the build tree.
#   PERUN_WEB=AUTO  with the format html where npm and its registry can be had, else without it, and said so (default)
#   PERUN_WEB=ON    an error where they cannot
#   PERUN_WEB=OFF   without it
set(PERUN_WEB AUTO CACHE STRING "Build the HTML report, which takes npm: AUTO, ON or OFF")
set_property(CACHE PERUN_WEB PROPERTY STRINGS AUTO ON OFF)
find_program(PERUN_NODE NAMES node nodejs)
find_program(PERUN_NPM npm)
mark_as_advanced(PERUN_NODE PERUN_NPM)

# Installs what web/package-lock.json names into `folder`, once for each state of that file; `problem` is empty on success.
function(_perun_npm_ci folder problem)
  set(${problem} "" PARENT_SCOPE)
  if(NOT PERUN_NODE OR NOT PERUN_NPM)
    set(${problem} "node and npm are not both here (Debian: nodejs, npm)" PARENT_SCOPE)
    return()
  endif()
  file(SHA256 ${PROJECT_SOURCE_DIR}/web/package-lock.json wanted)
  set(installed "")
  if(EXISTS ${folder}/installed)
    file(READ ${folder}/installed installed)
  endif()
  if(installed STREQUAL wanted)
    return()
  endif()
  message(STATUS "Fetching uPlot with npm")
  configure_file(${PROJECT_SOURCE_DIR}/web/package.json ${folder}/package.json COPYONLY)
  configure_file(${PROJECT_SOURCE_DIR}/web/package-lock.json ${folder}/package-lock.json COPYONLY)
  execute_process(COMMAND ${PERUN_NPM} ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
      --fetch-retries=1 --fetch-timeout=20000
    WORKING_DIRECTORY ${folder} RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said TIMEOUT 120)
  if(NOT result EQUAL 0)
    string(STRIP "${said}" said)
    set(${problem} "npm ci failed (${result}) ${said}" PARENT_SCOPE)
    return()
  endif()
  file(WRITE ${folder}/installed ${wanted})
endfunction()

# Sets PERUN_PAGES to the folder of the templates page.html and compare.html, or to "" when there are to be none.
function(perun_web)
  set(PERUN_PAGES "" PARENT_SCOPE)
  if(NOT PERUN_WEB)
    return()
  endif()
  set(folder ${PROJECT_BINARY_DIR}/web)
  file(MAKE_DIRECTORY ${folder})
  _perun_npm_ci(${folder} problem)
  if(problem)
    if(PERUN_WEB STREQUAL "AUTO")
      message(WARNING "perun is built without its HTML report: ${problem}. -DPERUN_WEB=OFF says that this is as it shall be.")
      return()
    endif()
    message(FATAL_ERROR "The HTML report cannot be built: ${problem}. Without it: -DPERUN_WEB=OFF.")
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/*.html ${PROJECT_SOURCE_DIR}/web/*.mjs
    ${PROJECT_SOURCE_DIR}/web/js/*.js ${PROJECT_SOURCE_DIR}/web/css/*.css)
  add_custom_command(OUTPUT ${folder}/page.html ${folder}/compare.html
    COMMAND ${PERUN_NODE} ${PROJECT_SOURCE_DIR}/web/build.mjs ${PROJECT_SOURCE_DIR}/web ${folder}/node_modules/uplot ${folder}
    DEPENDS ${sources} ${folder}/installed COMMENT "Making the pages of HTML reports" VERBATIM)
  set(PERUN_PAGES ${folder} PARENT_SCOPE)
endfunction()
