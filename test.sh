#!/usr/bin/env bash
# Builds and tests Sightline. Installs what it needs (Debian 12 packages, npm packages); run it as root or with sudo at hand.
#   ./test.sh              the whole gate
#   ./test.sh --fast       without the sanitizer builds
#   ./test.sh --interop    also what needs tools that Debian and npm do not have
# The last line is "N passed, N failed"; the exit code is 0 only if nothing failed.
set -uo pipefail
cd "$(dirname "$0")"
fast=0 interop=0
for arg in "$@"; do
  case $arg in
    --fast) fast=1 ;;
    --interop) interop=1 ;;
    *) echo "usage: ./test.sh [--fast] [--interop]" >&2; exit 2 ;;
  esac
done

passed=0 failed=0 bad_parts="" log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
say() { printf '\n== %s  (%ss)\n' "$1" "$SECONDS"; }
# part NAME COMMAND...: a suite that prints "N passed, N failed" last, or counts as one check by its exit code.
part() {
  local name=$1 file="$log/part" code counts
  shift
  say "$name"
  "$@" 2>&1 | tee "$file"
  code=${PIPESTATUS[0]}
  [ "$code" -eq 0 ] || bad_parts="$bad_parts${bad_parts:+, }$name"
  counts=$(grep -Eo '^[0-9]+ passed, [0-9]+ failed' "$file" | tail -1)
  if [ -n "$counts" ]; then
    passed=$((passed + ${counts%% *}))
    local f=${counts#*, }
    failed=$((failed + ${f%% *}))
    if [ "$code" -ne 0 ] && [ "${f%% *}" -eq 0 ]; then failed=$((failed + 1)); fi
  elif [ "$code" -eq 0 ]; then passed=$((passed + 1))
  else failed=$((failed + 1)); fi
}
gtest() {  # turns GoogleTest's summary into the common line
  local file="$log/gtest" code all bad
  "$@" --gtest_brief=1 2>&1 | tee "$file"
  code=${PIPESTATUS[0]}
  all=$("$@" --gtest_list_tests | grep -c '^  ')
  bad=$(grep -Eo '^\[  FAILED  \] [^ ]+' "$file" | sort -u | wc -l)
  [ "$code" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1  # it did not come to a summary
  echo "$((all > bad ? all - bad : 0)) passed, $bad failed"
  return "$code"
}
unit() {  # python unittest; what was skipped is named, and does not count as passed
  local file="$log/unit"
  python3 -W ignore -m unittest discover -v -s "$1" 2>&1 | tee "$file" | grep -Ev ' \.\.\. ok$'
  local ran bad skipped
  ran=$(grep -Eo '^Ran [0-9]+' "$file" | grep -Eo '[0-9]+')
  bad=$(grep -Ec '^(FAIL|ERROR):' "$file")
  skipped=$(grep -Ec ' \.\.\. skipped ' "$file")
  [ "$skipped" -eq 0 ] || { echo "skipped:"; grep -E ' \.\.\. skipped ' "$file" | sed 's/^/  /'; }
  echo "$((${ran:-0} > bad + skipped ? ${ran:-0} - bad - skipped : 0)) passed, $bad failed"
  [ "$bad" -eq 0 ] && [ "${ran:-0}" -gt 0 ]
}
fuzz_seeds() {  # every input that is kept, once each
  local program name p=0 f=0
  for program in build/asan/src/*_fuzz; do
    name=$(basename "$program" _fuzz)
    if "$program" -runs=0 -timeout=20 -rss_limit_mb=4096 "test/fuzz/corpus/$name" >"$log/fuzz" 2>&1; then p=$((p + 1))
    else f=$((f + 1)); echo "$name:"; tail -20 "$log/fuzz"; fi
  done
  echo "$p passed, $f failed"
  [ "$f" -eq 0 ] && [ "$p" -gt 0 ]
}
node_suite() {
  local file="$log/node" p f
  (cd test/node && npm ci --no-audit --no-fund --loglevel=error && node --test) 2>&1 | tee "$file"
  p=$(grep -Eo '^(# |ℹ )pass [0-9]+' "$file" | grep -Eo '[0-9]+' | tail -1)
  f=$(grep -Eo '^(# |ℹ )fail [0-9]+' "$file" | grep -Eo '[0-9]+' | tail -1)
  echo "${p:-0} passed, ${f:-1} failed"
  [ "${f:-1}" -eq 0 ]
}

say "packages"
tools/install_packages build test || { echo "0 passed, 1 failed"; exit 1; }
say "build"
cmake --preset release -DSL_TESTS=ON -DSL_UI=ON >"$log/cmake" 2>&1 || { cat "$log/cmake"; echo "0 passed, 1 failed"; exit 1; }
cmake --build --preset release -j "$(tools/jobs)" || { echo "0 passed, 1 failed"; exit 1; }
export SIGHTLINE=$PWD/build/release/sightline

part "layers" tools/check_layers
part "sizes" tools/check_sizes
part "coroutines" tools/check_coroutines
part "format" tools/check_format
part "unit tests" gtest build/release/src/sightline_tests
part "translation" python3 test/translate/run.py --quick
part "integration" unit test/integration
[ -f test/node/package.json ] && part "npm clients and the page" node_suite
part "examples and docs" test/docs/run
if [ "$fast" -eq 0 ]; then
  say "sanitizer build"
  if cmake --preset asan -DSL_TESTS=ON -DSL_UI=OFF >"$log/cmake" 2>&1 && cmake --build --preset asan -j "$(tools/jobs)"; then
    part "unit tests under ASan and UBSan" gtest build/asan/src/sightline_tests
    part "fuzzers over their seeds" fuzz_seeds
  else
    cat "$log/cmake"
    failed=$((failed + 1))
    bad_parts="$bad_parts${bad_parts:+, }sanitizer build"
  fi
fi
if [ "$interop" -eq 1 ]; then
  for script in test/interop/*/run; do [ -x "$script" ] && part "interop $(basename "$(dirname "$script")")" "$script"; done
fi
echo
[ -z "$bad_parts" ] || echo "failed in: $bad_parts"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
