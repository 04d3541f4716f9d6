#!/bin/bash
# description: two kernels, three flows: a night held against its own logs and recordings
# requires: kernels in the cache or a mirror, python3; boots two virtual machines
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/vm/vm.sh
. tests/vm/vm.sh

try ./regress.sh --nights "$T/nights" --kernels bookworm,bookworm/6.12 --jobs 1 --flows default:udp-lo-64,udp-nics-128,udp-nics-1400
night=$T/nights/latest
# Which of the two is dearer is for the kernels to say; that both were measured is for us.
check "a night of two kernels" all '[ "$STATUS" -le 1 ]' 'says "bookworm: measured, linux 6.1"' 'says "bookworm/6.12: measured, linux 6.12"'
check "its exit status is the report's" grep -q "\"exit_status\": $STATUS\b" "$night/report.json"
check "copies are those of these paths" all 'prints "^udp-lo-64  *2.000  *2.000"' 'prints "^udp-nics-128  *3.000  *3.000"' 'prints "^udp-nics-1400  *2.000  *2.000"'
check "the copy sites differ" all 'prints "tcp_recvmsg_dmabuf by _copy_to_iter"'
python3 tests/tools/night.py "$night" >"$T/claims" 2>"$T/err"
tap_claims
plan
