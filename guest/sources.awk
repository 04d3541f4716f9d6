# Reads apt source files of both styles and prints one line per archive:
# URI, suites, components, keyring (or an inline key, newlines as \001), trusted,
# separated by tabs.

function flush_paragraph()
{
	if (field["types"] ~ /(^| )deb( |$)/ && field["enabled"] !~ /^(no|false|0)$/) {
		split(field["uris"], uri, " ")
		print uri[1] "\t" field["suites"] "\t" field["components"] "\t" \
			field["signed-by"] "\t" field["trusted"]
	}
	split("", field)
	key = ""
}

function one_line(line,    options, part, n, i, suite, components, signed, trusted)
{
	sub(/^deb[ \t]+/, "", line)
	if (match(line, /^\[[^]]*\]/)) {
		options = substr(line, 2, RLENGTH - 2)
		line = substr(line, RLENGTH + 1)
		n = split(options, part, " ")
		for (i = 1; i <= n; i++) {
			if (sub(/^signed-by=/, "", part[i]))
				signed = part[i]
			else if (sub(/^trusted=/, "", part[i]))
				trusted = part[i]
		}
	}
	n = split(line, part, " ")
	for (i = 3; i <= n; i++)
		components = components (i > 3 ? " " : "") part[i]
	print part[1] "\t" part[2] "\t" components "\t" signed "\t" trusted
}

FNR == 1 { flush_paragraph() }
{ sub(/\r$/, "") }
FILENAME ~ /\.sources$/ {
	if (/^[ \t]*#/)
		next
	if (/^[ \t]*$/) {
		flush_paragraph()
		next
	}
	if (/^[ \t]/) {
		sub(/^[ \t]+/, "")
		field[key] = field[key] (key == "signed-by" ? "\001 " : " ") $0
		next
	}
	key = tolower(substr($0, 1, index($0, ":") - 1))
	sub(/^[^:]*:[ \t]*/, "")
	gsub(/\t/, " ")
	field[key] = $0
	next
}
{ sub(/#.*/, "") }
/^deb[ \t]/ { one_line($0) }
END { flush_paragraph() }
