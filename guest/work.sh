# shellcheck shell=bash
# A folder to work in, $WORK, that goes with the script that made it, however that ends.

WORK=

cleanup()
{
	[ -z "$WORK" ] || rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
