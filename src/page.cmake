# The web page: npm ci and vite once its sources change, then one assembly file and one table linked into the binary.
find_program(NPM npm REQUIRED)
find_program(NODE NAMES node nodejs REQUIRED)
set(UI ${CMAKE_SOURCE_DIR}/ui)
set(UI_OUT ${CMAKE_BINARY_DIR}/page)
file(GLOB_RECURSE UI_SOURCES CONFIGURE_DEPENDS ${UI}/src/* ${UI}/public/*)
add_custom_command(
  OUTPUT ${UI_OUT}/modules.stamp
  COMMAND ${NPM} ci --no-audit --no-fund --loglevel=error --prefix ${UI}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${UI_OUT}
  COMMAND ${CMAKE_COMMAND} -E touch ${UI_OUT}/modules.stamp
  DEPENDS ${UI}/package.json ${UI}/package-lock.json
  COMMENT "Installing the page's packages")
add_custom_command(
  OUTPUT ${UI_OUT}/embed/assets.cc ${UI_OUT}/embed/assets.S
  COMMAND ${NODE} node_modules/typescript/bin/tsc --noEmit
  COMMAND ${CMAKE_COMMAND} -E env SIGHTLINE_UI_OUT=${UI_OUT}/dist ${NODE} node_modules/vite/bin/vite.js build --logLevel warn
  COMMAND ${NODE} embed.mjs ${UI_OUT}/dist ${UI_OUT}/embed
  WORKING_DIRECTORY ${UI}
  DEPENDS ${UI_OUT}/modules.stamp ${UI_SOURCES} ${UI}/index.html ${UI}/vite.config.ts ${UI}/tsconfig.json ${UI}/embed.mjs
  COMMENT "Building the page")
add_library(sl_page OBJECT ${UI_OUT}/embed/assets.cc ${UI_OUT}/embed/assets.S)
set_source_files_properties(${UI_OUT}/embed/assets.S PROPERTIES OBJECT_DEPENDS ${UI_OUT}/embed/assets.cc)
list(APPEND SL_LIBS sl_page)
