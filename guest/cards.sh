# shellcheck shell=bash
# The network cards that a guest can have, and which of them a command will use.

# MODEL, what joins its pair, QEMU's device with its properties. A hub carries frames alone; checksum and segmentation
# offload need a tap, where the host's kernel keeps for each frame what its sender left undone.
card_rows()
{
	cat <<-'END'
		e1000 hub e1000
		e1000e hub e1000e
		virtio-net hub virtio-net-pci
		virtio-net-small hub virtio-net-pci,mrg_rxbuf=off
		virtio-net-packed hub virtio-net-pci,packed=on
		virtio-net-offload tap virtio-net-pci
		virtio-net-big tap virtio-net-pci,mrg_rxbuf=off
		vmxnet3 hub vmxnet3
		rtl8139 hub rtl8139
		pcnet hub pcnet
		tulip hub tulip
		i82550 hub i82550
		ne2k_pci hub ne2k_pci
	END
}

# card_models all|hub|tap : all, or those whose pair is joined so
card_models()
{
	card_rows | awk -v coupling="$1" 'coupling == "all" || $2 == coupling { print $1 }'
}

is_card()
{
	card_models all | grep -Fqx -e "$1"
}

# cards_of_path PATH : the model in the name of a path
cards_of_path()
{
	case $1 in nics:?*) echo "${1#nics:}" ;; esac
}

# cards_of_set SET : what the flows of a set need
cards_of_set()
{
	local path
	"$TOP/traffic" set --list | awk -v set="$1" '$1 == set { print $5 }' | sort -u | while read -r path; do
		cards_of_path "$path"
	done
}

# cards_of_words COMMAND ARGS... : what a command will need, as far as its words tell: paths, and sets of our traffic
cards_of_words()
{
	local word set=false
	for word; do
		cards_of_path "${word#--path=}"
		! $set || cards_of_set "$word"
		[ "$word" != set ] || [ "${1##*/}" != traffic ] || set=true
	done
}

# comma_list : lines become words between commas, each once
comma_list()
{
	sort -u | paste -sd ,
}
