#!/bin/bash
# Installs what is missing, builds, and runs every test:
#
#     tests/run.sh [PRESET] [CTEST-OPTION...]
#
# PRESET is release (by default), dev, clang or fuzz; options are ctest's, for instance `tests/run.sh dev -L unit`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
case ${1:-} in
    '' | -*) ;;
    *)
        preset=$1
        shift
        ;;
esac

softhsm-fixtures/install.sh build fixtures test
case $preset in
    clang | fuzz) softhsm-fixtures/install.sh ci ;;
esac
cmake --preset "$preset" > /dev/null
cmake --build --preset "$preset" -- --quiet
ctest --preset "$preset" -j "$(nproc)" --no-tests=error "$@"
