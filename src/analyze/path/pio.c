// SPDX-License-Identifier: GPL-2.0-only
/* Programmed I/O: the CPU moves frames through a device's port by itself. */
#include "analyze/core/path.h"
#include "analyze/path/dma.h"
#include "analyze/path/frame.h"
#include "analyze/paths.h"

/*
 * What does not fill a unit goes by single instructions behind those that are recorded
 * (drivers/net/ethernet/8390/ne2k-pci.c: ne2k_pci_block_output, ne2k_pci_block_input).
 */
static uint64_t bytes_of(const struct event *ev)
{
	return ev->v[F_n] * ev->v[F_width] + (ev->v[F_width] - 1);
}

static void on_out(struct engine *e, const struct event *ev)
{
	const struct site *site = rundir_site(e->run, ev->ip);
	struct frame *f = frame_at(e, ev->v[F_src]);
	uint64_t len = bytes_of(ev), left;

	if (!f || !site || !ev->v[F_width] || ev->v[F_src] < f->data)
		return;
	left = f->data + f->linear - ev->v[F_src];
	device_gets(e, f, site, ev->v[F_src], ev->v[F_src],
		    len < left ? len : left);
}

static void on_in(struct engine *e, const struct event *ev)
{
	const struct site *site = rundir_site(e->run, ev->ip);

	if (site && ev->v[F_width] && is_kernel_address(ev->v[F_dst]))
		device_gave(e, site, ev->v[F_dst], bytes_of(ev));
}

static const struct handler handlers[] = {{EV_PIO_OUT, on_out}, {EV_PIO_IN, on_in}, {0, NULL}};

const struct path path_pio = {.name = "pio", .handlers = handlers};
