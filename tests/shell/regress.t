#!/bin/bash
# description: nights of kernels whose guests are played: recordings of real kernels, deaths, interruptions
# requires: python3, sqlite3's library, gnuplot, busybox, cpio; needs no virtual machine
# The tests are evaluated by all, so that their words stand in single quotes.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/shell/tap.sh
. tests/shell/tap.sh

# shellcheck source=tests/shell/nights.sh
. tests/shell/nights.sh

try ./regress.sh
check "no kernels" all 'status 2' one_line
try ./regress.sh --help
check "--help" all 'status 0' 'prints "^usage:"'
while IFS='|' read -r what words says; do
	eval "try ./regress.sh --nights $NIGHTS $words"
	check "$what" all 'status 2' one_line "says '$says'"
done <<'END'
two kernels whose folders would be one|--kernels a/b=bookworm,a_b=bookworm/6.12|two kernels are called a_b
a name of two words|--kernels 'a b=bookworm,b=bookworm'|a kernel cannot be called
a night that is its parent|--night .. --kernels a=bookworm,b=bookworm|--night takes
a night called latest|--night latest --kernels a=bookworm,b=bookworm|not .latest.
a threshold beyond reason|--kernels a=bookworm,b=bookworm --cost-threshold 20000|from 0.1 to 1000
a set that is none|--kernels a=bookworm,b=bookworm --flows nosuch|there is no such set
a flow that is none|--kernels a=bookworm,b=bookworm --flows default:udp-lo-64,nosuch|no flow is called nosuch
one kernel and nothing to compare with|--kernels bookworm|compared with nothing
two kernels of one name|--kernels bookworm,bookworm|two kernels are called bookworm
a name without a kernel|--kernels a=,b=bookworm|takes KERNEL or NAME=KERNEL
an unknown kernel to compare with|--kernels a=bookworm,b=bookworm --against c|no kernel is called so
parameters of an unknown kernel|--kernels a=bookworm,b=bookworm --append c=x|no kernel is called c
parameters of no kernel|--kernels a=bookworm,b=bookworm --append x|take NAME=VALUE
flows that are none|--kernels a=bookworm,b=bookworm --flows "no such"|--flows takes
a threshold that is none|--kernels a=bookworm,b=bookworm --cost-threshold x|takes percent
jobs that are none|--kernels a=bookworm,b=bookworm --jobs 0|takes a number
an unknown option|--kernels a=bookworm --nonsense x|unknown option
two baselines|--kernels a=bookworm --baseline x --against a|exclude each other
END
try ./regress.sh --nights "$NIGHTS" --kernels a=bookworm --baseline "$T/nosuch"
check "a baseline that is not there" all 'status 4' one_line 'says nosuch'
try ./regress.sh --nights "$NIGHTS" --kernels a=bookworm,b=bookworm --accepted "$T/nosuch"
check "accepted changes that are not there" all 'status 4' one_line 'says nosuch'
try env COPYCHAIN_QEMU=/nonexistent ./regress.sh --nights "$NIGHTS" --kernels a=bookworm,b=bookworm
check "a package that is missing" all 'status 4' one_line 'says "no qemu at /nonexistent"'

regress --kernels a=bookworm,b=bookworm/6.12 --append b=swiotlb=force --append b=quiet --setup b=true --setup 'b=echo x' --dry-run
check "--dry-run shows the matrix and the time" all 'status 0' 'prints "^a  *bookworm  *90 .*a guess"' 'prints "^b .*swiotlb=force quiet true && echo x"' 'prints "about 180 s"'
check "and does nothing" all '[ ! -e "$NIGHTS" ]'

printf '# two kernels\nkernels    a=bookworm,b=bookworm/6.12\n\nappend\tb=swiotlb=force quiet\ndry-run\n' >"$T/options"
try ./regress.sh --nights "$NIGHTS" --options "$T/options" --jobs 2
check "options from a file" all 'status 0' 'prints "^b .*swiotlb=force quiet"' 'prints "2 at a time: about 90 s"'
echo 'nonsense x' >"$T/options"
try ./regress.sh --options "$T/options"
check "an unknown one in it" all 'status 2' one_line 'says "unknown option --nonsense"'
echo "options $T/options" >"$T/options"
try ./regress.sh --options "$T/options"
check "one that names itself" all 'status 2' one_line 'says "names no other"'

try make -s install-nightly DESTDIR="$T/a root" NIGHTLY_USER=root
check "make install-nightly" all 'status 0' '[ -s "$T/a root/etc/cron.d/copychain-nightly" ]' '! grep -rq "@[A-Z]*@" "$T/a root"'
echo "kernels mine" >"$T/a root/etc/copychain/nightly.conf"
try make -s install-nightly DESTDIR="$T/a root" NIGHTLY_USER=root
check "again, it keeps what the administrator wrote" grep -qx "kernels mine" "$T/a root/etc/copychain/nightly.conf"
if command -v systemd-analyze >/dev/null; then
	try systemd-analyze verify "$T/a root/etc/systemd/system/copychain-nightly.service" "$T/a root/etc/systemd/system/copychain-nightly.timer"
	check "systemd finds no fault with the units" all 'status 0' '! says copychain-nightly'
else
	skip "systemd finds no fault with the units" "no systemd here"
fi
sed -n 's/^30 2 [*] [*] [*] root //p' "$T/a root/etc/cron.d/copychain-nightly" >"$T/line"
check "cron's line is shell" all '[ -s "$T/line" ]' 'sh -n "$T/line"'

plays a "$T/golden/bookworm/nics-1400"
plays b "$T/golden/bookworm/nics-1400"
regress --night same --kernels a=bookworm,b=bookworm --on-failure 'touch "$T/called"'
check "the same on the same: 0" all 'status 0' 'prints "^b (linux 6.1.0-test): same; 1 flows, 1 same"' 'prints "without traffic: the same"'
check "and --on-failure is not called" all '[ ! -e "$T/called" ]'
check "every report is there" all '[ -s "$(latest report.txt)" ]' '[ -s "$(latest report.md)" ]' '[ -s "$(latest report.html)" ]' '[ -s "$(latest report.json)" ]' '[ -s "$(latest junit.xml)" ]'
regress --kernels a=bookworm,b=bookworm --dry-run
check "the next dry run knows how long they take" all '! prints "a guess"'

export T
plays bounce "$T/golden/bookworm-swiotlb/nics-1400"
regress --night planted --kernels a=bookworm,bounce=bookworm --on-failure 'cat >"$T/mail"; echo "$COPYCHAIN_NIGHT $COPYCHAIN_STATUS" >>"$T/mail"; [ -r "$COPYCHAIN_REPORT" ]'
check "bounce buffers, recorded from a real kernel: 1" all 'status 1' 'prints "^bounce .*: regression"'
check "told by flow and number" all 'prints "udp-nics-1400  *2.000>4.000"' 'prints "copies per byte: 4.000, was 2.000"'
check "by site" prints 'new: swiotlb_bounce by memcpy copies each byte 2.000 times'
check "and by hop" all 'prints "new: copy at swiotlb_bounce, after handoff driver eth0"' 'prints "new: copy at swiotlb_bounce, after .*dma device wrote\|new: copy at swiotlb_bounce, after wire"'
check "--on-failure gets the mail and what it is about" all 'grep -q "^# Kernel against kernel, night planted" "$T/mail"' 'grep -qx "planted 1" "$T/mail"'
check "JUnit counts one failure" python3 -c '
import sys, xml.etree.ElementTree as x
s = x.parse(sys.argv[1]).getroot().find("testsuite")
assert (s.get("tests"), s.get("failures"), s.get("errors")) == ("2", "1", "0"), s.attrib
assert "was 2.000" in s.find("testcase/failure").get("message")' "$(latest junit.xml)"
check "the HTML is one file with its plots" all '[ "$(grep -c "<svg" "$(latest report.html)")" -ge 1 ]' '! grep -qE "(src|href)=\"?http" "$(latest report.html)"'
check "JSON has exact numbers" json "$(latest report.json)" '
	[f for f in r["kernels"][0]["flows"][0]["findings"] if f["what"] == "copies"][0]["to_bytes"] ==
	4 * r["kernels"][0]["flows"][0]["to"]["payload_bytes"]'

line=$(sed -n 's/.*to accept it: \(bounce udp-nics-1400 copies .*\) REASON/\1/p' "$T/out")
{
	echo "# reviewed"
	echo "$line the machine has no other memory"
	echo "bounce * verdict - never needed"
} >"$T/accepted"
regress --night accepted --kernels a=bookworm,bounce=bookworm --accepted "$(realpath --relative-to=. "$T/accepted")"
check "accepted as suggested: 0" all 'status 0' 'prints "because the machine has no other memory"' '! prints "to accept it"'
check "a line that is not needed is told" prints 'not needed among the accepted changes: line 3'
sed -i 's/copies 4.000/copies 3/' "$T/accepted"
regress --night accepted-less --kernels a=bookworm,bounce=bookworm --accepted "$T/accepted"
check "accepted up to less: 1" status 1
echo "bounce * copies" >"$T/bad"
regress --night bad --kernels a=bookworm,bounce=bookworm --accepted "$T/bad"
check "accepted changes without a reason: 4, by line" all 'status 4' 'says "bad, line 1"'

regress --night baseline --kernels bounce=bookworm --baseline "$NIGHTS/same/jobs/a/digest.json"
check "against a digest of another night" all 'status 1' 'prints "against a "'

plays old "$T/golden/bookworm/lo-1400"
plays new "$T/golden/bookworm-6.12/lo-1400"
regress --night series --kernels old=bookworm,new=bookworm/6.12
check "6.1 against 6.12: their copy sites differ" all 'prints "tcp_recvmsg_dmabuf by _copy_to_iter"' 'prints "ip_generic_getfrag by csum_and_copy_from_iter_full, was"'

plays old "$T/golden/bookworm-rdma/rc-send"
plays new "$T/golden/bookworm-6.12-rdma/rc-send"
regress --night rdma --kernels old=bookworm,new=bookworm/6.12
check "soft-RoCE: emulated DMA apart from copies, and links named by process no difference" all 'status 0' 'prints "^rdma-send-2500  *0.000  *0.000  *2.000 .*same"'

plays dead panic
regress --night dead --kernels a=bookworm,dead=bookworm,b=bookworm
check "a kernel that panics: 3, and the others are compared" all 'status 3' 'prints "^dead .*: not comparable"' 'prints "not measured: .*died: panic: planted"' 'prints "^b .*: same"'
check "as an error for CI" grep -q '<error message="not measured' "$(latest junit.xml)"
before=$(stat -c %y "$(digest a)")
plays dead "$T/golden/bookworm/nics-1400"
regress --retry --kernels a=bookworm,dead=bookworm,b=bookworm
check "--retry measures it alone" all 'status 0' 'says "going on with night dead: 2 of 3"' '[ "$(stat -c %y "$(digest a)")" = "$before" ]'
plays dead gone
regress --night gone --kernels a=bookworm,dead=bookworm
check "a guest that is killed: 3, with the reason" all 'status 3' 'prints "qemu ended before the command did"'
plays dead 5
regress --night fails --kernels a=bookworm,dead=bookworm
check "a guest that fails: 3, with its last words" all 'status 3' 'prints "not measured: played: status 5"'
regress --night setup --kernels a=bookworm,b=nosuchfolder/x
check "a kernel that is not there: 3" all 'status 3' 'prints "no kernel .nosuchfolder/x."'
plays dead panic
regress --night nobase --kernels dead=bookworm,a=bookworm
check "a baseline that panics: 3" all 'status 3' 'prints "the baseline was not measured"'

# Interrupted in the second of three kernels.
plays slow hang
./regress.sh --nights "$NIGHTS" --jobs 1 --no-cost --kernels a=bookworm,slow=bookworm,b=bookworm >"$T/out" 2>"$T/err" </dev/null &
pid=$!
wait_until grep -qrs "played: hang" "$NIGHTS"
kill -TERM $pid
wait $pid
STATUS=$?
check "SIGTERM ends a night" all 'status 143' 'says "interrupted; the same command goes on"'
check "its guests end with it" all '! fakes_left'
night=$(find "$NIGHTS" -maxdepth 1 -name "2*" | sort | tail -n 1)
check "what was measured stays" all '[ -s "$night/jobs/a/digest.json" ]' '[ ! -e "$night/jobs/slow/digest.json" ]' '[ ! -e "$night/status" ]'
# shellcheck disable=SC2034
before=$(stat -c %y "$night/jobs/a/digest.json")
plays slow "$T/golden/bookworm/nics-1400"
regress --kernels a=bookworm,slow=bookworm,b=bookworm
check "the same command goes on" all 'status 0' 'says "1 of 3 kernels are done"' '[ "$(stat -c %y "$night/jobs/a/digest.json")" = "$before" ]' '[ "$(readlink "$NIGHTS/latest")" = "$(basename "$night")" ]'

mkdir "$T/elsewhere"
rm "$night/jobs/b/digest.json"
(cd "$T/elsewhere" && sh "$night/jobs/b/job.sh") >"$T/out" 2>"$T/err"
check "a job's script works alone, from anywhere" all '[ -s "$night/jobs/b/digest.json" ]'

exec 5>"$NIGHTS/.lock"
flock 5
regress --kernels a=bookworm,b=bookworm --new
check "one night at a time" all 'status 4' one_line 'says "another night is under way"'
exec 5>&-

cp "$NIGHTS/history.db" "$T/good.db"
dd if=/dev/zero of="$NIGHTS/history.db" bs=4096 seek=1 count=2 conv=notrunc 2>/dev/null
# shellcheck disable=SC2034
sum=$(cksum <"$NIGHTS/history.db")
regress --night corrupt --kernels a=bookworm,b=bookworm
check "a corrupt history: 4, told, with all reports" all 'status 4' 'says "history.db: .*left as it is"' '[ -s "$NIGHTS/corrupt/report.html" ]' 'prints "^b .*: same"'
check "and it is not touched" all '[ "$(cksum <"$NIGHTS/history.db")" = "$sum" ]'
try ./regress.sh history --nights "$NIGHTS"
check "history says so, too" all 'status 4' 'says rebuild'
try ./regress.sh history --nights "$NIGHTS" --rebuild
check "--rebuild makes it anew" all 'status 0' '[ "$(cksum <"$NIGHTS/history.db.old-1")" = "$sum" ]'
try ./regress.sh history --nights "$NIGHTS" --kernel bounce --svg "$T/trend.svg"
check "history finds a value over nights" all 'status 0' 'prints "^bounce  *udp-nics-1400  *planted .* 4.0"' 'grep -q "<svg" "$T/trend.svg"'
plays b "$T/golden/bookworm-swiotlb/nics-1400"
regress --night zz --kernels a=bookworm,b=bookworm
try ./regress.sh history --nights "$NIGHTS" --kernel b
check "and the first night on which it changed" prints '^b  *udp-nics-1400  *zz  *zz  *1  changed: 4.0'
try ./regress.sh history --nights "$NIGHTS" --value nosuch
check "an unknown value: 2, with those there are" all 'status 2' 'says amplification'
try ./regress.sh history --history "$T/none.db"
check "no history yet: 4" all 'status 4' one_line

compare()
{
	try "$@" ./regress compare --night n --baseline "$NIGHTS/same/jobs/a/digest.json" --out "$T/plain" "$NIGHTS/same/jobs/b/digest.json"
}
mkdir "$T/plain"
compare env PATH=/nonexistent
check "without gnuplot the report says so" all 'status 0' 'grep -q "gnuplot-nox" "$T/plain/report.html"'
rm -rf "$T/plain"
compare
check "no folder for the reports: 4" all 'status 4' 'says "cannot write"'
mkdir "$T/plain"
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	try unshare -m sh -c 'mount -t tmpfs -o size=16k none "$T/plain" && exec ./regress compare --night n --history "$T/plain/h.db" \
		--baseline "$1/a/digest.json" --out "$T/plain" "$1/b/digest.json"' sh "$NIGHTS/same/jobs"
	check "a full disk: 4, told" all 'status 4' 'says "No space left"'
	mkdir "$T/small"
	try unshare -m sh -c 'mount -t tmpfs -o size=100k none "$T/small" && exec ./regress.sh --nights "$T/small" --jobs 1 --no-cost \
		--kernels a=bookworm,b=bookworm' sh
	check "a night on a full disk: 4, told" all 'status 4' 'says "cannot write\|No space left"'
else
	skip "a full disk" "takes root to mount a small one"
fi

regress --night keep --keep 1 --kernels a=bookworm,b=bookworm
check "recordings of older nights go, digests stay" all '[ ! -e "$NIGHTS/same/jobs/a/run" ]' '[ -s "$NIGHTS/same/jobs/a/digest.json" ]'
plan
