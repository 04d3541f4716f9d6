# shellcheck shell=bash disable=SC2154,SC2034
# A night's folder: the matrix, its job scripts and their Makefile, and how one is gone on with.

# of LABEL LIST... : the value given for a label as LABEL=VALUE
of()
{
	local label=$1 word
	shift
	for word; do
		[ "${word%%=*}" != "$label" ] || printf '%s' "${word#*=}"
	done
}

known_label()
{
	local label
	for label in "${labels[@]}"; do
		[ "$label" != "$1" ] || return 0
	done
	return 1
}

# Fills labels, names and slugs from --kernels.
read_matrix()
{
	local word label list
	labels=()
	sources=()
	slugs=()
	IFS=, read -r -a list <<<"$kernels"
	for word in "${list[@]}"; do
		[ -n "$word" ] || continue
		label=$word
		case $word in
		*=*)
			label=${word%%=*}
			word=${word#*=}
			;;
		/* | ./* | ../*) label=$(basename "$word") ;;
		esac
		{ [ -n "$word" ] && [ -n "$label" ]; } || usage_error "--kernels takes KERNEL or NAME=KERNEL, not '$label=$word'"
		! known_label "$label" || usage_error "two kernels are called $label: name one NAME=KERNEL"
		# no shell expands this behind a comma
		word=${word/#\~\//$HOME/}
		[ ! -d "$word" ] || word=$(cd "$word" && pwd -P)
		labels+=("$label")
		sources+=("$word")
		slugs+=("$(printf '%s' "$label" | tr -c 'A-Za-z0-9._-' _)")
	done
	[ ${#labels[@]} -gt 0 ] || usage_error "no kernel in --kernels '$kernels'"
	for word in "${appends[@]}" "${setups[@]}"; do
		case $word in *=*) ;; *) usage_error "--append and --setup take NAME=VALUE, not '$word'" ;; esac
		known_label "${word%%=*}" || usage_error "no kernel is called ${word%%=*}"
	done
	if [ -n "$baseline" ]; then
		[ -r "$baseline" ] || lacking "cannot read the baseline $baseline: a night keeps digests in jobs/*/digest.json"
		baseline=$(realpath "$baseline")
	else
		[ -n "$against" ] || against=${labels[0]}
		known_label "$against" || usage_error "--against $against: no kernel is called so"
		[ ${#labels[@]} -gt 1 ] || usage_error "one kernel alone is compared with nothing: give another, or --baseline FILE"
	fi
}

# A guest takes a CPU and 1 GB; the rest of the machine wants something, too.
choose_jobs()
{
	local cpus memory
	[ -z "$jobs" ] || return 0
	cpus=$(nproc)
	memory=$(awk '/^MemAvailable:/ { print int($2 / 1300000) }' /proc/meminfo)
	jobs=$((memory < cpus ? memory : cpus))
	[ "$jobs" -gt 0 ] || jobs=1
}

# How long the newest measured job of that name took, or nothing.
last_seconds()
{
	local file
	for file in $(find "$nights"/*/jobs/"$1"/digest.json -printf '%T@ %p\n' 2>/dev/null | sort -rn | head -n 5 | cut -d ' ' -f 2-); do
		if grep -q '"status": "measured"' "$file"; then
			sed -n 's/^ *"seconds": \([0-9]*\).*/\1/p' "$file" | head -n 1
			return
		fi
	done
}

show_matrix()
{
	local i seconds how total=0 longest=0
	printf '%-20s %-34s %8s  %s\n' KERNEL FROM SECONDS WITH
	for i in "${!labels[@]}"; do
		seconds=$(last_seconds "${slugs[i]}")
		how=
		if [ -z "$seconds" ]; then
			seconds=90
			how=' (a guess)'
		fi
		total=$((total + seconds))
		[ "$seconds" -le "$longest" ] || longest=$seconds
		printf '%-20s %-34s %8s  %s\n' "${labels[i]}" "${sources[i]}" "$seconds" \
			"$(of "${labels[i]}" "${appends[@]}") $(of "${labels[i]}" "${setups[@]}")$how"
	done
	total=$((total / (jobs < ${#labels[@]} ? jobs : ${#labels[@]})))
	[ $total -ge "$longest" ] || total=$longest
	echo "flows $flows, against ${against:-$baseline}, $jobs at a time: about $total s"
}

# Everything that decides what the jobs measure, so that two nights can be told to be alike.
matrix_text()
{
	local i
	echo "flows $flows"
	echo "cost $cost"
	for i in "${!labels[@]}"; do
		printf 'kernel %s %s' "$(quote "${labels[i]}")" "$(quote "${sources[i]}")"
		printf ' append %s' "$(quote "$(of "${labels[i]}" "${appends[@]}")")"
		printf ' setup %s\n' "$(quote "$(of "${labels[i]}" "${setups[@]}")")"
	done
}

# The newest night with this matrix, if it did not end or is to be retried.
unfinished()
{
	local dir
	for dir in $(find "$nights" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null | sort -r); do
		[ -r "$nights/$dir/matrix" ] || continue
		matrix_text | cmp -s - "$nights/$dir/matrix" || continue
		if $retry || [ ! -e "$nights/$dir/status" ]; then
			echo "$nights/$dir"
		fi
		return
	done
}

write_job()
{
	local i=$1 dir=$night/jobs/${slugs[$1]}
	mkdir -p "$dir" || return
	{
		echo '#!/bin/sh'
		echo "# Measures ${labels[i]}; needs nothing of the other jobs, and may be run anywhere that sees these folders."
		printf 'exec %s --dir %s --label %s --kernel %s' "$(quote "$TOP/guest/job.sh")" "$(quote "$dir")" \
			"$(quote "${labels[i]}")" "$(quote "${sources[i]}")"
		printf ' --append %s --setup %s' "$(quote "$(of "${labels[i]}" "${appends[@]}")")" \
			"$(quote "$(of "${labels[i]}" "${setups[@]}")")"
		printf ' --set %s --timeout %s' "$(quote "${flows%%:*}")" "$limit"
		case $flows in *:*) printf ' --names %s' "$(quote "${flows#*:}")" ;; esac
		$cost || printf ' --no-cost'
		echo
	} >"$dir/job.sh" && chmod +x "$dir/job.sh"
}

write_makefile()
{
	local slug
	{
		echo "# The jobs of a night: make -k -j N -f this file; what has a digest is done."
		printf 'all:'
		for slug in "${slugs[@]}"; do
			printf ' jobs/%s/digest.json' "$slug"
		done
		printf '\n\njobs/%%/digest.json:\n\t@jobs/$*/job.sh\n'
	} >"$night/Makefile"
}

begin_night()
{
	local i done=0
	{ mkdir -p "$nights" 2>/dev/null && [ -w "$nights" ]; } || lacking "cannot write to $nights: give a place with --nights DIR"
	nights=$(cd "$nights" && pwd -P)
	[ -n "$history" ] || history=$nights/history.db
	exec 8>"$nights/.lock" || lacking "cannot write to $nights"
	flock -n 8 || lacking "another night is under way in $nights: wait for it, or give another place with --nights DIR"
	night=
	if [ -n "$name" ]; then
		night=$nights/$name
		$retry || [ ! -e "$night/status" ] || lacking "night $name is over: give another --night, or --retry what failed in it"
		[ ! -r "$night/matrix" ] || matrix_text | cmp -s - "$night/matrix" || lacking "night $name has another matrix: give another --night"
	elif ! $new; then
		night=$(unfinished)
	fi
	[ -n "$night" ] || night=$nights/$(date -u +%Y%m%dT%H%M%SZ)
	! $retry || drop_failed
	for i in "${!labels[@]}"; do
		[ ! -r "$night/jobs/${slugs[i]}/digest.json" ] || done=$((done + 1))
		write_job "$i" || lacking "cannot write $night"
	done
	{ write_makefile && matrix_text >"$night/matrix"; } || lacking "cannot write $night"
	cd "$night" || exit
	if [ $done -gt 0 ]; then
		say "regress.sh: going on with night $(basename "$night"): $done of ${#labels[@]} kernels are done; --new begins another"
	else
		say "regress.sh: night $(basename "$night"): ${#labels[@]} kernels, flows $flows, $jobs at a time"
	fi
}

drop_failed()
{
	local i
	rm -f "$night/status"
	for i in "${!labels[@]}"; do
		! grep -qs '"status": "failed"' "$night/jobs/${slugs[i]}/digest.json" || rm -f "$night/jobs/${slugs[i]}/digest.json"
	done
}

# What the mirror does not give leaves the kernel in the cache as it is.
refresh_kernels()
{
	local i
	for i in "${!labels[@]}"; do
		[ -d "${sources[i]}" ] || "$TOP/guest/kernel.sh" --refresh "${sources[i]}" >/dev/null ||
			say "regress.sh: ${labels[i]}: going on with the kernel in the cache"
	done
}

# Recordings are big; digests and reports are what later nights are compared with.
drop_recordings()
{
	local dir
	for dir in $(find "$nights" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -r | tail -n "+$((keep + 1))"); do
		[ ! -e "$nights/$dir/matrix" ] || rm -rf "$nights/$dir"/jobs/*/run "$nights/$dir"/jobs/*/*.jsonl
	done
}

end_night()
{
	echo "$1" >"$night/status" || say "regress.sh: cannot write $night/status"
	ln -sfn "$(basename "$night")" "$nights/latest" 2>/dev/null
	drop_recordings
	say "report: $night/report.html (.txt, .md, .json, junit.xml)"
}

rebuild_history()
{
	local reports n=1
	mapfile -t reports < <(find "$nights" -mindepth 2 -maxdepth 2 -name report.json | sort)
	[ ${#reports[@]} -gt 0 ] || lacking "no night in $nights has a report"
	if [ -e "$history" ]; then
		while [ -e "$history.old-$n" ]; do
			n=$((n + 1))
		done
		mv "$history" "$history.old-$n" || lacking "cannot move $history away"
		say "regress.sh: the old history is $history.old-$n"
	fi
	"$TOP/regress" history --db "$history" --add "${reports[@]}" || exit
	say "regress.sh: $history holds ${#reports[@]} nights"
}
