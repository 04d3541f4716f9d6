# copychain: make help lists the targets.

PROGRAMS := collect analyze traffic regress
PREFIX   ?= /usr/local
SYSCONF  ?= /etc
# Who the nightly comparison runs as; it needs no root, but a cache and this folder to write to.
NIGHTLY_USER ?= $(or $(SUDO_USER),$(shell id -un))
BUILD    ?= build
CC       ?= gcc

PKG_collect := libxxhash libtracefs libtraceevent libbpf json-c
LIB_collect := -lZydis
DIRS_collect := collect
DIRS_analyze := analyze analyze/core analyze/path report proofcheck
DIRS_traffic := traffic
DIRS_regress := regress
PKG_analyze := libxxhash libtraceevent json-c
PKG_traffic := json-c libibverbs
PKG_regress := json-c sqlite3
PKGS        := $(sort $(PKG_collect) $(PKG_analyze) $(PKG_traffic) $(PKG_regress))

CPPFLAGS += -D_GNU_SOURCE -Isrc $(PKG_CFLAGS)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=c17 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
LDLIBS   += -lpthread -lm
ifdef DEVELOPER
CFLAGS   += -Werror -Wformat=2 -Wvla
endif
comma := ,
ifdef SANITIZE
BUILD    := build/$(subst $(comma),-,$(SANITIZE))
CFLAGS   += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS  += -fsanitize=$(SANITIZE)
endif

PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
BIN        := $(if $(SANITIZE),$(BUILD)/bin/,)

# Loaded by an emulator for audits.
AUDIT := $(BUILD)/audit.so

all: $(PROGRAMS:%=$(BIN)%) $(AUDIT)

# Linked with every program, which takes from them what it uses; the first may use the second.
LIBRARIES := trace common

define program
OBJ_$(1) := $$(patsubst src/%.c,$$(BUILD)/%.o,$$(wildcard $$(DIRS_$(1):%=src/%/*.c)))
$$(BIN)$(1): $$(OBJ_$(1)) $$(LIBRARIES:%=$$(BUILD)/%.a)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$$$(pkg-config --libs $$(PKG_$(1))) $$(LIB_$(1)) $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

define library
$$(BUILD)/$(1).a: $$(patsubst src/%.c,$$(BUILD)/%.o,$$(wildcard src/$(1)/*.c))
	rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach l,$(LIBRARIES),$(eval $(call library,$(l))))

$(AUDIT): $(wildcard src/audit/*.c src/audit/*.h) src/common/mark.h src/common/auditfile.h
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -Isrc $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS)) -O3 -fPIC -fvisibility=hidden -shared -o $@ $(filter %.c,$^)

$(BUILD)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

-include tests/tests.mk

BINDIR = $(DESTDIR)$(PREFIX)/bin
MANDIR = $(DESTDIR)$(PREFIX)/share/man/man1

install: all
	install -d "$(BINDIR)" "$(MANDIR)"
	install -m 755 $(PROGRAMS) "$(BINDIR)"
	install -m 644 $(wildcard docs/man/*.1) "$(MANDIR)"

# An /etc/copychain/nightly.conf that is there already stays. Paths may hold blanks, which a URI may not.
ETC = $(DESTDIR)$(SYSCONF)
NIGHTLY_CONF = $(SYSCONF)/copychain/nightly.conf
NIGHTLY_FILL = sed -e 's|@TOP@|$(CURDIR)|g; s|@USER@|$(NIGHTLY_USER)|; s|@CONF@|$(NIGHTLY_CONF)|' \
	-e '/^Documentation=/s| |%20|g'

install-nightly: all
	install -d "$(ETC)/systemd/system" "$(ETC)/cron.d" "$(ETC)/copychain"
	$(NIGHTLY_FILL) nightly/copychain-nightly.service.in >"$(ETC)/systemd/system/copychain-nightly.service"
	install -m 644 nightly/copychain-nightly.timer "$(ETC)/systemd/system"
	$(NIGHTLY_FILL) nightly/cron.in >"$(ETC)/cron.d/copychain-nightly"
	test -e "$(DESTDIR)$(NIGHTLY_CONF)" || install -m 644 nightly/nightly.conf "$(DESTDIR)$(NIGHTLY_CONF)"
	@echo 'edit $(NIGHTLY_CONF), then: systemctl enable --now copychain-nightly.timer'

clean:
	rm -rf build $(PROGRAMS)

help:
	@echo 'make                  build collect, analyze and traffic'
	@echo 'make check            all tests (boots virtual machines)'
	@echo 'make check-unit       the tests that need neither root nor a VM'
	@echo 'make check-fresh      both README commands in a fresh Debian (debootstrap)'
	@echo 'make bench            speed and memory beside trace-cmd report, as ratios'
	@echo 'make install          copy the programs to $$(PREFIX)/bin, PREFIX=$(PREFIX)'
	@echo 'make install-nightly  a systemd timer and a cron line that compare kernels every night'
	@echo 'make clean            remove what make made'
	@echo 'DEVELOPER=1           warnings are errors'
	@echo 'SANITIZE=address,undefined   build under build/ with sanitizers'

.PHONY: all install install-nightly clean help
