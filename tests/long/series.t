#!/bin/bash
# description: oldest, middle and newest kernel: the default set, and the copy sites alone
# requires: kernels in the cache or a mirror; boots five virtual machines
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

start=$SECONDS
try ./regress.sh --nights "$T/nights" --kernels bookworm,bookworm/6.12,trixie-backports --jobs 1
echo "# three kernels, default set, one guest at a time: $((SECONDS - start)) s"
check "three kernels are compared" all '[ "$STATUS" -le 1 ]' 'prints "^bookworm/6.12 "' 'prints "^trixie-backports "'
python3 tests/tools/night.py "$T/nights/latest" >"$T/claims" 2>"$T/err"
tap_claims
sed 's/^/# /' "$T/out" | grep -E '^# (udp|pty|trix|book)'

start=$SECONDS
try ./regress.sh --nights "$T/nights" --kernels bookworm,trixie-backports --jobs 1 --flows none
echo "# the copy sites of two kernels: $((SECONDS - start)) s"
check "static: no flows, exit 0" all 'status 0' '! prints "^udp"'
check "static: a new copy path" prints 'tcp_recvmsg_dmabuf by _copy_to_iter'
check "static: copies of getsockopt go through iterators now" prints 'getsockopt by _copy_to_iter, was .*getsockopt by _copy_to_user'
plan
