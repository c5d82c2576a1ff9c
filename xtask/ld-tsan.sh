#!/usr/bin/env bash
# Links a program with clang's ThreadSanitizer: Debian's rustc brings no such runtime of its own.
set -euo pipefail
arguments=()
for argument; do
    # The runtime wants the C library, which rustc would name itself.
    [ "$argument" = -nodefaultlibs ] || arguments+=("$argument")
done
exec clang-22 -fsanitize=thread -fuse-ld=lld "${arguments[@]}"
