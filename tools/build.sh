#!/usr/bin/env bash
# Configures and builds one of the build folders:
#   build        gcc, Release: what users run
#   build-clang  clang, Release: must give the same hashes
#   build-debug  gcc, Debug with AddressSanitizer and UndefinedBehaviorSanitizer
#   build-fast   gcc, Release, optimised for what runs do: by tools/fast.sh
#   build-coverage  gcc, Debug, counting the lines that run
#   build-fuzz   clang, the libFuzzer targets with sanitizers
# usage: tools/build.sh FOLDER [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1
shift
case $folder in
build) options=(-DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=gcc) ;;
build-clang) options=(-DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DISRSIM_TESTS=OFF) ;;
build-debug) options=(-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=gcc -DISRSIM_SANITIZE=ON) ;;
build-fast) options=(-DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=gcc -DISRSIM_TESTS=OFF "-DISRSIM_PROFILE=${ISRSIM_PROFILE:-use}") ;;
build-coverage) options=(-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=gcc -DISRSIM_COVERAGE=ON) ;;
build-fuzz) options=(-DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DISRSIM_SANITIZE=ON -DISRSIM_FUZZERS=ON -DISRSIM_TESTS=OFF) ;;
*)
    echo "tools/build.sh: no such build folder: $folder" >&2
    exit 1
    ;;
esac
cmake -S . -B "$folder" -G Ninja "${options[@]}" >/dev/null
# a person sees progress in one line, a log only what went wrong
[[ -t 2 ]] && quiet=() || quiet=(-- --quiet)
cmake --build "$folder" ${@:+--target "$@"} "${quiet[@]}" >&2
