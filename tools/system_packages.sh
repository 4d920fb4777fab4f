#!/bin/sh
# Installs the system packages that the tests use where it may (root and apt-get), else says which are missing.
# Without them the tests that need them skip, visibly.
set -eu

wanted=""
need() { # command, Debian package
    command -v "$1" >/dev/null 2>&1 || wanted="$wanted $2"
}
need cc gcc
need cmake cmake
need git git
need arm-none-eabi-gcc gcc-arm-none-eabi
need qemu-system-arm qemu-system-arm

[ -n "$wanted" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "installing system packages:$wanted"
    apt-get update -qq
    # shellcheck disable=SC2086  # one word a package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted libc6-dev >/dev/null
else
    echo "not installed, and the tests that need them will skip:$wanted (Debian: apt-get install$wanted)"
fi
