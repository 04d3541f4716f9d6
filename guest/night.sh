# shellcheck shell=bash disable=SC2154,SC2034
# A night's folder: the matrix, its job scripts and their Makefile, and how to resume one.

# of LABEL BETWEEN LIST... : the values given for a label as LABEL=VALUE
of()
{
	local label=$1 between=$2 word all=
	shift 2
	for word; do
		[ "${word%%=*}" != "$label" ] || all=$all${all:+$between}${word#*=}
	done
	printf '%s' "$all"
}

append_of()
{
	of "$1" ' ' "${appends[@]}"
}

setup_of()
{
	of "$1" ' && ' "${setups[@]}"
}

# known WORD LIST...
known()
{
	local word=$1 other
	shift
	for other; do
		[ "$other" != "$word" ] || return 0
	done
	return 1
}

add_kernel()
{
	local label=$1 source=$2 slug
	[[ $label =~ ^[A-Za-z0-9_][A-Za-z0-9_./:+@-]*$ ]] ||
		usage_error "a kernel cannot be called '$label': name it NAME=KERNEL, by letters, digits and ./:+@_-"
	slug=$(printf '%s' "$label" | tr -c 'A-Za-z0-9._-' _)
	! known "$slug" "${slugs[@]}" || usage_error "two kernels are called $label: name one NAME=KERNEL"
	labels+=("$label")
	sources+=("$source")
	slugs+=("$slug")
}

# A suite's name is that, whatever folders there are (guest/kernel.sh).
is_suite()
{
	[[ $1 =~ ^[a-z][a-z-]*(/[0-9]+(\.[0-9]+)*)?$ ]]
}

# Fills labels, sources and slugs from --kernels.
read_matrix()
{
	local word label list
	labels=()
	sources=()
	slugs=()
	IFS=, read -r -a list <<<"$kernels"
	for word in "${list[@]}"; do
		case $word in
		'') continue ;;
		*=*)
			label=${word%%=*}
			word=${word#*=}
			{ [ -n "$word" ] && [ -n "$label" ]; } || usage_error "--kernels takes KERNEL or NAME=KERNEL, not '$label=$word'"
			;;
		*) label= ;;
		esac
		# no shell expands this behind a comma
		word=${word/#\~\//$HOME/}
		if ! is_suite "$word"; then
			[ ! -d "$word" ] || word=$(cd "$word" && pwd -P)
			: "${label:=$(basename "$word")}"
		fi
		add_kernel "${label:-$word}" "$word"
	done
	[ ${#labels[@]} -gt 0 ] || usage_error "no kernel in --kernels '$kernels'"
	for word in "${appends[@]}" "${setups[@]}"; do
		case $word in *=*) ;; *) usage_error "--append and --setup take NAME=VALUE, not '$word'" ;; esac
		known "${word%%=*}" "${labels[@]}" || usage_error "no kernel is called ${word%%=*}"
	done
	choose_baseline
}

choose_baseline()
{
	if [ -n "$baseline" ]; then
		[ -r "$baseline" ] || lacking "cannot read the baseline $baseline: a night keeps digests in jobs/*/digest.json"
		baseline=$(realpath "$baseline")
		return
	fi
	[ -n "$against" ] || against=${labels[0]}
	known "$against" "${labels[@]}" || usage_error "--against $against: no kernel is called so"
	[ ${#labels[@]} -gt 1 ] || usage_error "one kernel alone is compared with nothing: give another, or --baseline FILE"
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
	while read -r file; do
		if grep -q '"status": "measured"' "$file"; then
			sed -n 's/^ *"seconds": \([0-9]*\).*/\1/p' "$file" | head -n 1
			return
		fi
	done < <(find "$nights"/*/jobs/"$1"/digest.json -printf '%T@ %p\n' 2>/dev/null | sort -rn | head -n 5 | cut -d ' ' -f 2-)
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
			"$(append_of "${labels[i]}") $(setup_of "${labels[i]}")$how"
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
	echo "audit $audit"
	for i in "${!labels[@]}"; do
		printf 'kernel %s %s' "$(quote "${labels[i]}")" "$(quote "${sources[i]}")"
		printf ' append %s' "$(quote "$(append_of "${labels[i]}")")"
		printf ' setup %s\n' "$(quote "$(setup_of "${labels[i]}")")"
	done
}

# The folders of nights, the newest first: what they are called says nothing about that.
nights_by_time()
{
	find "$nights" -mindepth 2 -maxdepth 2 -name matrix -printf '%T@ %h\n' 2>/dev/null | sort -rn | cut -d ' ' -f 2-
}

# The newest night with this matrix, if it did not end or is to be retried.
unfinished()
{
	local dir
	while read -r dir; do
		matrix_text | cmp -s - "$dir/matrix" || continue
		if $retry || [ ! -e "$dir/status" ]; then
			echo "$dir"
		fi
		return
	done < <(nights_by_time)
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
		printf ' --append %s --setup %s' "$(quote "$(append_of "${labels[i]}")")" "$(quote "$(setup_of "${labels[i]}")")"
		printf ' --set %s --timeout %s' "$(quote "${flows%%:*}")" "$limit"
		case $flows in *:*) printf ' --names %s' "$(quote "${flows#*:}")" ;; esac
		$cost || printf ' --no-cost'
		! $audit || printf ' --audit'
		echo
	} >"$dir/job.sh" && chmod +x "$dir/job.sh"
}

write_makefile()
{
	local slug
	{
		echo "# The jobs of a night: make -k -j N -f this file. A job knows itself whether its digest still holds."
		printf 'all:'
		for slug in "${slugs[@]}"; do
			printf ' jobs/%s/digest.json' "$slug"
		done
		printf '\n\njobs/%%/digest.json: FORCE\n\t@jobs/$*/job.sh\n\nFORCE:\n'
	} >"$night/Makefile"
}

lock_nights()
{
	{ mkdir -p "$nights" 2>/dev/null && [ -w "$nights" ]; } || lacking "cannot write to $nights: give a place with --nights DIR"
	nights=$(cd "$nights" && pwd -P)
	need_tool flock util-linux
	exec 8>"$nights/.lock" || lacking "cannot write to $nights"
	flock -n 8 || lacking "another night is under way in $nights: wait for it, or give another place with --nights DIR"
}

# Sets night to the folder of the one to go on with, or of a new one.
choose_night()
{
	night=
	if [ -n "$name" ]; then
		night=$nights/$name
		$retry || [ ! -e "$night/status" ] || lacking "night $name is over: give another --night, or --retry what failed in it"
		[ ! -r "$night/matrix" ] || matrix_text | cmp -s - "$night/matrix" || lacking "night $name has another matrix: give another --night"
	elif ! $new; then
		night=$(unfinished)
	fi
	[ -n "$night" ] || night=$nights/$(date -u +%Y%m%dT%H%M%SZ)
}

begin_night()
{
	local i done=0
	lock_nights
	[ -n "$history" ] || history=$nights/history.db
	choose_night
	! $retry || drop_failed
	for i in "${!labels[@]}"; do
		[ ! -r "$night/jobs/${slugs[i]}/digest.json" ] || done=$((done + 1))
		write_job "$i" || lacking "cannot write $night"
	done
	{ write_makefile && matrix_text >"$night/matrix"; } || lacking "cannot write $night"
	cd "$night" || exit
	# what is said of an earlier state is not this night's
	rm -f report.* junit.xml
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
	while read -r dir; do
		rm -rf "$dir"/jobs/*/run "$dir"/jobs/*/*.jsonl
	done < <(nights_by_time | tail -n "+$((keep + 1))")
}

end_night()
{
	echo "$1" >"$night/status" || say "regress.sh: cannot write $night/status"
	ln -sfn "$(basename "$night")" "$nights/latest" 2>/dev/null
	drop_recordings
	[ ! -e "$night/report.html" ] || say "report: $night/report.html (.txt, .md, .json, junit.xml)"
}

rebuild_history()
{
	local reports n=1
	mapfile -t reports < <(find "$nights" -mindepth 2 -maxdepth 2 -name report.json | sort)
	[ ${#reports[@]} -gt 0 ] || lacking "no night in $nights has a report"
	lock_nights
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
