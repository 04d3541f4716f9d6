// SPDX-License-Identifier: GPL-2.0-only
#include "trace/cite.h"

#include <string.h>
#include <traceevent/event-parse.h>

#include "common/vec.h"
#include "trace/fields.h"

static void print_words(const struct td_event *raw, const struct field *f, FILE *out)
{
	uint32_t len;
	const unsigned char *at = field_bytes(raw, f, &len);
	uint64_t word;

	for (uint32_t i = 0; at && i + 8 <= len; i += 8) {
		memcpy(&word, at + i, 8);
		fprintf(out, "%s0x%llx", i ? "," : "", (unsigned long long)word);
	}
}

/* Whatever could end the citation or be taken for another part of it is told as its code. */
static void print_string(const struct td_event *raw, const struct field *f, FILE *out)
{
	uint32_t len;
	const char *s = field_str(raw, f, &len);

	for (uint32_t i = 0; s && i < len; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:", s[i]) && s[i])
			fputc(s[i], out);
		else
			fprintf(out, "%%%02x", (unsigned char)s[i]);
}

void field_cite(struct tep_event *format, const struct td_event *raw, const struct field_info *info, FILE *out)
{
	struct field f;

	if (info->form == FORM_HIDDEN || field_find(format, info->name, &f))
		return;
	fprintf(out, " %s=", info->name);
	if (info->form == FORM_TEXT)
		print_string(raw, &f, out);
	else if (f.is_array || f.is_dynamic)
		print_words(raw, &f, out);
	else if (info->form == FORM_SIGNED && f.is_signed)
		fprintf(out, "%lld", (long long)field_s64(raw, &f, NULL));
	else
		fprintf(out, info->form == FORM_NUM ? "%llu" : "0x%llx",
			(unsigned long long)field_u64(raw, &f, NULL));
}

void event_cite(struct tep_event *format, const struct td_event *raw, int tid, FILE *out)
{
	fprintf(out, "%s cpu=%u ts=%llu offset=%llu tid=%d", format->name, raw->cpu,
		(unsigned long long)raw->ts, (unsigned long long)raw->file_off, tid);
	for (size_t i = 0; i < ARRAY_SIZE(cited_fields); i++)
		field_cite(format, raw, &cited_fields[i], out);
}
