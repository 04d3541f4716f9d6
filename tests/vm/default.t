#!/bin/bash
# description: the default set gives the known answers on the stock kernels, and trace-cmd agrees
# requires: kernels in the cache or a mirror, trace-cmd, python3; boots two virtual machines
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh
# shellcheck source=tests/vm/default.sh
. tests/vm/default.sh

kernels bookworm bookworm/6.12 -- "$@"
for kernel in "${KERNELS[@]}"; do
	default_set "$kernel"
done
plan
