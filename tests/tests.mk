# Tests and benches. Included by the Makefile, whose BUILD, CC and flags hold here too.
#
# tests/unit/test_*.c  cmocka tests        } one program each, linked with everything in src
# tests/unit/prop_*.c  property tests      } but the programs' main.c, and with the other files
# tests/bench/*.c      benches             } in tests/unit
# tests/tools/*.c      what shell tests use }
# tests/fuzz/fuzz_NAME.c    libFuzzer targets; seeds_NAME DIR, where it exists, writes their seeds,
#                           and tests/fuzz/regress/NAME holds inputs that once went wrong
# tests/shell, tests/vm     TAP, for prove; the latter boots virtual machines
# tests/long                the same, but not part of check: it takes long

TEST_OUT  := $(BUILD)/tests
TEST_SRC  := $(wildcard tests/unit/test_*.c tests/unit/prop_*.c)
TEST_BIN  := $(TEST_SRC:tests/%.c=$(TEST_OUT)/%)
TEST_HELP := $(patsubst tests/%.c,$(TEST_OUT)/%.o,$(filter-out $(TEST_SRC),$(wildcard tests/unit/*.c)))
BENCH_BIN := $(patsubst tests/%.c,$(TEST_OUT)/%,$(wildcard tests/bench/*.c))
FUZZ_BIN  := $(patsubst tests/%.c,$(TEST_OUT)/%,$(wildcard tests/fuzz/fuzz_*.c))
TOOLS_BIN := $(patsubst tests/%.c,$(TEST_OUT)/%,$(wildcard tests/tools/*.c))
SEEDS_BIN := $(patsubst tests/%.c,$(TEST_OUT)/%,$(wildcard tests/fuzz/seeds_*.c))
TEST_LIB  := $(patsubst src/%.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard src/*/*.c src/*/*/*.c)))
TEST_LIBS  = $(shell pkg-config --libs $(PKGS) cmocka) $(foreach p,$(PROGRAMS),$(LIB_$(p))) $(LDLIBS)
TEST_LINK  = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(TEST_LIBS)

FUZZ_RUNS ?= 20000
FUZZ_TIME ?= 20

.SECONDARY: $(TEST_HELP) $(addsuffix .o,$(TEST_BIN) $(BENCH_BIN) $(FUZZ_BIN) $(SEEDS_BIN) $(TOOLS_BIN))

$(TEST_OUT)/src.a: $(TEST_LIB)
	@mkdir -p $(@D)
	rm -f $@ && $(AR) rcs $@ $^

$(TEST_OUT)/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_BIN) $(BENCH_BIN) $(SEEDS_BIN) $(TOOLS_BIN): %: %.o $(TEST_HELP) $(TEST_OUT)/src.a
	$(TEST_LINK)

$(FUZZ_BIN): %: %.o $(TEST_HELP) $(TEST_OUT)/src.a
	$(TEST_LINK) -fsanitize=fuzzer

# A test's output is shown when it fails. With make's -j several run at once.
check-unit: $(TEST_BIN:%=%.ran)

$(TEST_BIN:%=%.ran): %.ran: % FORCE
	@if timeout 300 "$<" >"$<.log" 2>&1; then echo "ok $<"; \
	else status=$$?; cat "$<.log"; echo "not ok $< ($$status)"; exit 1; fi

check-fuzz:
	+$(MAKE) BUILD=build/fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined run-fuzz

run-fuzz: $(FUZZ_BIN:%=%.ran)

$(FUZZ_BIN:%=%.ran): %.ran: % $(SEEDS_BIN) FORCE
	@dir=$(<D); name=$(<F:fuzz_%=%); corpus=$(<D)/corpus/$(<F:fuzz_%=%); \
	mkdir -p "$$corpus"; \
	if [ -x "$$dir/seeds_$$name" ]; then "$$dir/seeds_$$name" "$$corpus" || exit 1; fi; \
	for input in tests/fuzz/regress/"$$name"/*; do \
		[ ! -f "$$input" ] || "$<" -timeout=10 -rss_limit_mb=512 "$$input" >"$<.log" 2>&1 || \
			{ cat "$<.log"; echo "not ok $$input"; exit 1; }; \
	done; \
	"$<" -runs=$(FUZZ_RUNS) -max_total_time=$(FUZZ_TIME) -timeout=10 -rss_limit_mb=512 \
		-artifact_prefix="$$dir/" "$$corpus" >"$<.log" 2>&1 || \
		{ tail -n 60 "$<.log"; echo "not ok $<"; exit 1; }; \
	echo "ok $<: $$(tail -n 1 "$<.log")"

# Two at a time, the longest first, so that none runs alone in the end.
TAP_FIRST := $(addprefix tests/shell/,proof.t injuries.t regress.t) \
	     $(addprefix tests/vm/,rdma.t default.t datagrams.t networks.t newest.t surprise.t badinput.t)
TAP_SHELL := $(filter tests/shell/%,$(TAP_FIRST)) $(filter-out $(TAP_FIRST),$(wildcard tests/shell/*.t))
TAP_VM    := $(filter tests/vm/%,$(TAP_FIRST)) $(filter-out $(TAP_FIRST),$(wildcard tests/vm/*.t))
RUN_TAP   := tests/run-tap -j 2 --timer -v

check-shell: all $(TOOLS_BIN)
	$(RUN_TAP) $(TAP_SHELL)

# Kernels against kernels at length: an hour of virtual machines, run by hand.
TAP_LONG     := $(wildcard tests/long/*.t)
LONG_KERNELS := bookworm bookworm/6.12

check-long: all $(TOOLS_BIN)
	COPYCHAIN_TEST_ALL=1 $(RUN_TAP) tests/shell/injuries.t tests/shell/proof.t
	tests/run-tap --timer -v $(TAP_LONG)
	COPYCHAIN_TEST_KERNELS="$(LONG_KERNELS)" $(RUN_TAP) $(TAP_VM)

check-vm: all
	$(RUN_TAP) $(TAP_VM)

SHELL_FILES = $(shell grep -lE '^\#!/bin/(ba)?sh' $(wildcard *.sh guest/* reports/sample/*.sh tests/run-* tests/*/*.t tests/*/*.sh) \
	/dev/null 2>/dev/null)
TEXT_FILES  = $(wildcard *.md Makefile *.sh) $(wildcard docs src guest tests)

check-lint:
	shellcheck -x $(SHELL_FILES)
	codespell --ignore-words tests/codespell.ignore $(TEXT_FILES)

# The compilers build apart, so that the warnings of each are seen whatever is built already.
JOBS := -j $(shell nproc)
check:
	./collect.sh packages check
	+$(MAKE) $(JOBS) DEVELOPER=1 CC=gcc BUILD=build/gcc BIN=build/gcc/bin/ all
	+$(MAKE) $(JOBS) DEVELOPER=1 CC=clang BUILD=build/clang BIN=build/clang/bin/ all
	+$(MAKE) $(JOBS) DEVELOPER=1 CC=gcc BUILD=build/gcc check-unit
	+$(MAKE) $(JOBS) DEVELOPER=1 CC=gcc SANITIZE=address,undefined check-unit
	+$(MAKE) $(JOBS) check-fuzz
	+$(MAKE) check-lint
	+$(MAKE) $(JOBS) all
	+$(MAKE) check-shell
	+$(MAKE) check-vm

# Takes minutes and fetches a Debian: run by hand.
check-fresh:
	tests/fresh-machine.sh

bench: $(BENCH_BIN) all
	@for b in $(BENCH_BIN); do "$$b" || exit 1; done
	@tests/bench/analyze.py

FORCE:

.PHONY: FORCE check check-unit check-fuzz run-fuzz check-lint check-shell check-vm check-long check-fresh bench
