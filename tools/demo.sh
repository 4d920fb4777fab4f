#!/bin/sh
# The demonstration: build the digits example for the STM32F746G-DISCO, profile it and check its accuracy on the
# emulated board. $1 is the folder of the edgekit command.
set -eu
PATH="$1:$PATH"
cd "$(dirname "$0")/../examples/digits"

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}
run edgekit build --board stm32f746
run edgekit profile --emulate
run edgekit eval --emulate
