// SPDX-License-Identifier: GPL-2.0-only
#include "report/reproduce.h"

#include <json-c/json.h>
#include <string.h>

#include "common/json.h"

/* As a shell takes it. A published report does not tell where programs lie. */
static void put_word(const struct report *rep, FILE *out, const char *word,
		     void (*put)(FILE *out, const char *s))
{
	const char *slash = rep->hide ? strrchr(word, '/') : NULL;
	bool plain = *word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789_./:=+,@%-") == strlen(word);

	fputs(plain ? " " : " '", out);
	for (const char *p = slash ? slash + 1 : word; *p; p++) {
		size_t n = strcspn(p, "'");
		char part[512];

		if (!n) {
			put(out, "'\\''");
			continue;
		}
		n = n < sizeof(part) - 1 ? n : sizeof(part) - 1;
		memcpy(part, p, n);
		part[n] = '\0';
		put(out, part);
		p += n - 1;
	}
	fputs(plain ? "" : "'", out);
}

static bool is_default_set(struct json_object *command)
{
	const char *program = json_length(command) == 3 ?
				      json_object_get_string(json_at(command, 0)) : NULL;
	const char *slash = program ? strrchr(program, '/') : NULL;

	return program && !strcmp(slash ? slash + 1 : program, "traffic") &&
	       !strcmp(json_object_get_string(json_at(command, 1)) ?: "", "set") &&
	       !strcmp(json_object_get_string(json_at(command, 2)) ?: "", "default");
}

void reproduce_print(const struct report *rep, FILE *out, void (*put)(FILE *out, const char *s))
{
	struct json_object *m = rep->r->run.manifest, *command = json_get(m, "command");
	bool vm = !strcmp(rep->r->run.machine, "vm");

	fputs("# recorded on Linux ", out);
	put(out, rep->r->run.kernel);
	fputs(", ", out);
	put(out, json_str(m, "kernel_version", "version not recorded"));
	fprintf(out, "%s\n# trace clock ", vm ? ", in a virtual machine" : "");
	put(out, json_str(m, "clock", "not recorded"));
	fprintf(out, ", %llu KiB of buffer per CPU\n./collect.sh run%s",
		(unsigned long long)json_uint(m, "buffer_kb", 0), vm ? "" : " --native");
	if (!is_default_set(command) && json_length(command)) {
		fputs(" --", out);
		for (size_t i = 0; i < json_length(command); i++)
			put_word(rep, out, json_object_get_string(json_at(command, i)) ?: "", put);
	}
	fprintf(out, "\n./analyze%s runs/", rep->hide ? " --redact" : "");
	put(out, run_name(rep->r));
	fputs("\n", out);
}
