# shellcheck shell=bash
# In a guest: records into memory, then carries the run folder out to the share in one piece.

# Small writes to the share are slow and would stand in the recording, hence the detour.
# The name that says "complete" is given last.
carry_run()
{
	local out=$1 memory status
	shift
	memory=$(mktemp -d /run/copychain-XXXXXX) || lacking "no memory for the recording in the guest"
	supervise "$TOP/collect" run --out "$memory/run" "$@"
	status=$?
	rm -rf "$out.partial" "$out"
	if [ -n "$(ls -A "$memory/run" 2>/dev/null)" ]; then
		if ! mkdir -m 0700 "$out.partial" || ! cp -R "$memory/run/." "$out.partial/"; then
			lacking "cannot carry the recording out to $out"
		fi
		[ ! -e "$out.partial/run.json" ] || mv "$out.partial" "$out"
	fi
	rm -rf "$memory"
	return $status
}
