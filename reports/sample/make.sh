#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Makes this sample anew: records the default set in a virtual machine and writes its redacted report.
# usage: reports/sample/make.sh [RUN]     (RUN: an existing run instead)
set -u
cd "$(dirname "$0")/../.." || exit 4

sample=reports/sample
run=${1-}
if [ -z "$run" ]; then
	./collect.sh run || exit
	run=runs/$(readlink runs/latest) || exit 4
fi
find "$sample" -mindepth 1 ! -name make.sh -delete
./analyze --redact --out "$sample" "$run"
