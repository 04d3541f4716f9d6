#!/bin/bash
# description: the default set gives the known answers on the newest backported kernel
# requires: a kernel in the cache or a mirror, trace-cmd, python3; boots a virtual machine
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh
# shellcheck source=tests/vm/default.sh
. tests/vm/default.sh

default_set trixie-backports
plan
