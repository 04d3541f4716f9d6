# shellcheck shell=bash
# Packages from the Debian archive that the system's apt uses, by an apt with a state of its own below $WORK.
# Whoever sources this sets SUBJECT, what is fetched, for the messages, and may set what they say of remedies:
# SUCH_AS, suites there are, and OR_ELSE, what helps where there is no network.

SUBJECT=
SUCH_AS=
OR_ELSE=

# Rows of sources.awk for everything the system's apt knows.
system_archives()
{
	local etc main parts files=() file
	eval "$(apt-config shell main Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d etc Dir::Etc/d)"
	for file in "${main:-$etc/sources.list}" "${parts:-$etc/sources.list.d}"/*.list \
		"${parts:-$etc/sources.list.d}"/*.sources; do
		[ -r "$file" ] && [ -f "$file" ] && files+=("$file")
	done
	[ ${#files[@]} -eq 0 ] || awk -f "$HERE/sources.awk" "${files[@]}"
}

# Third parties name their suites like Debian's too; the path or the keyring tells them apart.
debian_rows()
{
	awk -F '\t' -v security="$1" '
		$3 !~ /(^| )main( |$)/ || $1 ~ /^cdrom:/ { next }
		($2 ~ /-security( |$)|\/updates( |$)/) != security { next }
		$1 ~ /\/debian(-security)?\/?$|debian[^\/]*\.list$/ || $4 ~ /debian-archive/ { print; exit }'
}

env_row()
{
	printf '%s\t\tmain\t%s\t\n' "$1" "${COPYCHAIN_KEYRING:-}"
}

# archive_row main|security : the archive to take, empty where none is known
archive_row()
{
	case $1 in
	main)
		if [ -n "${COPYCHAIN_MIRROR:-}" ]; then
			env_row "$COPYCHAIN_MIRROR"
		else
			system_archives | debian_rows 0
		fi
		;;
	security)
		if [ -n "${COPYCHAIN_MIRROR_SECURITY:-}" ]; then
			env_row "$COPYCHAIN_MIRROR_SECURITY"
		elif [ -n "${COPYCHAIN_MIRROR:-}" ]; then
			env_row "${COPYCHAIN_MIRROR%/}-security"
		else
			system_archives | debian_rows 1
		fi
		;;
	esac
}

# source_paragraph ROW SUITE... : one deb822 paragraph
source_paragraph()
{
	local row=$1 uri signed trusted
	shift
	uri=$(printf '%s' "$row" | cut -f 1)
	signed=$(printf '%s' "$row" | cut -f 4)
	trusted=$(printf '%s' "$row" | cut -f 5)
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nTargets: Packages\n' "$uri" "$*"
	[ -z "$signed" ] || printf 'Signed-By: %s\n' "$signed" | tr '\001' '\n'
	[ -z "$trusted" ] || printf 'Trusted: %s\n' "$trusted"
	printf '\n'
}

write_sources()
{
	local suite=$1 base=${1%-backports} main security
	main=$(archive_row main)
	[ -n "$main" ] ||
		lacking "apt on this machine knows no Debian archive: name one with COPYCHAIN_MIRROR=URL and COPYCHAIN_KEYRING=FILE"
	case $suite in
	sid | unstable | experimental)
		source_paragraph "$main" "$suite"
		return
		;;
	*-backports)
		source_paragraph "$main" "$suite" "$base" "$base-updates"
		;;
	*)
		source_paragraph "$main" "$base" "$base-updates"
		;;
	esac
	security=$(archive_row security)
	if [ -n "$security" ]; then
		source_paragraph "$security" "$base-security"
	else
		say "$SUBJECT: apt on this machine has no security archive; $suite is taken without it"
	fi
}

# apt with a state of its own: the system's lists, caches, pins and hooks stay out of it,
# its proxies and credentials stay in.
write_apt_conf()
{
	local suite=$1
	mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial" "$WORK/debs"
	: >"$WORK/status"
	cat <<-END
		#clear APT::Update;
		Dir::State "$WORK";
		Dir::State::lists "$WORK/lists";
		Dir::State::status "$WORK/status";
		Dir::Cache "$WORK/cache";
		Dir::Etc::sourcelist "$WORK/debian.sources";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Architecture "amd64";
		#clear APT::Architectures;
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "root";
		#clear Acquire::Languages;
		Acquire::Languages "none";
		Acquire::Retries "2";
	END
	case $suite in
	*-backports) printf 'APT::Default-Release "%s";\n' "$suite" ;;
	*) printf 'APT::Default-Release "";\n' ;;
	esac
}

private()
{
	local tool=$1
	shift
	LC_ALL=C "$tool" -c "$WORK/apt.conf" "$@"
}

update_lists()
{
	local suite=$1 log=$WORK/update.log
	private apt-get -q update >"$log" 2>&1
	if ! find "$WORK/lists" -maxdepth 1 -name "*_dists_${suite}_*Packages*" | grep -q .; then
		if grep -q -E " $suite(/updates)? .*is not signed|NO_PUBKEY" "$log"; then
			lacking "the mirror's $suite is not signed by a key that apt trusts here: name its keyring with COPYCHAIN_KEYRING=FILE"
		fi
		if grep -q -e ' 404 ' -e 'does not have a Release file' "$log"; then
			lacking "the mirror has no suite $suite: name one it has$SUCH_AS"
		fi
		lacking "cannot read $suite from the mirror ($(sed -n 's/^[EW]: //p' "$log" | head -n 1)): check the network$OR_ELSE"
	fi
	sed -n 's/^Err:[0-9]* [^ ]* \([^ ]*\).*/'"$SUBJECT"': the mirror has no \1; going on without it/p' "$log" >&2
}

candidate()
{
	private apt-cache policy "$1" | sed -n 's/^ *Candidate: //p' | grep -v '^(none)$'
}

# open_archive SUITE : packages of the suite can be asked for now
open_archive()
{
	need_tool apt-get apt
	need_tool dpkg-deb dpkg
	write_sources "$1" >"$WORK/debian.sources" || exit
	write_apt_conf "$1" >"$WORK/apt.conf"
	update_lists "$1"
}

# fetch_packages WHAT NAME=VERSION... : into $WORK/debs
fetch_packages()
{
	(cd "$WORK/debs" && private apt-get -q download "${@:2}") >"$WORK/download.log" 2>&1 ||
		lacking "cannot fetch $1: $(sed -n 's/^E: //p' "$WORK/download.log" | head -n 1)"
}
