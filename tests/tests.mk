# Tests and benches. Included by the Makefile, whose BUILD, CC and flags hold here too.
#
# tests/unit/test_*.c  cmocka tests        } one program each, linked with everything in src
# tests/unit/prop_*.c  property tests      } but the programs' main.c, and with the other files
# tests/bench/*.c      benches             } in tests/unit
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
SEEDS_BIN := $(patsubst tests/%.c,$(TEST_OUT)/%,$(wildcard tests/fuzz/seeds_*.c))
TEST_LIB  := $(patsubst src/%.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard src/*/*.c src/*/*/*.c)))
TEST_LIBS  = $(shell pkg-config --libs $(PKGS) cmocka) $(foreach p,$(PROGRAMS),$(LIB_$(p))) $(LDLIBS)
TEST_LINK  = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(TEST_LIBS)

FUZZ_RUNS ?= 20000
FUZZ_TIME ?= 20

.SECONDARY: $(TEST_HELP) $(addsuffix .o,$(TEST_BIN) $(BENCH_BIN) $(FUZZ_BIN) $(SEEDS_BIN))

$(TEST_OUT)/src.a: $(TEST_LIB)
	@mkdir -p $(@D)
	rm -f $@ && $(AR) rcs $@ $^

$(TEST_OUT)/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_BIN) $(BENCH_BIN) $(SEEDS_BIN): %: %.o $(TEST_HELP) $(TEST_OUT)/src.a
	$(TEST_LINK)

$(FUZZ_BIN): %: %.o $(TEST_HELP) $(TEST_OUT)/src.a
	$(TEST_LINK) -fsanitize=fuzzer

# Everything is built before anything runs; a test's output is shown when it fails.
check-unit: $(TEST_BIN)
	@fail=0; for t in $(TEST_BIN); do \
		if timeout 300 "$$t" >"$$t.log" 2>&1; then echo "ok $$t"; \
		else echo "not ok $$t ($$?)"; cat "$$t.log"; fail=1; fi; \
	done; exit $$fail

check-fuzz:
	+$(MAKE) BUILD=build/fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined run-fuzz

run-fuzz: $(FUZZ_BIN) $(SEEDS_BIN)
	@for f in $(FUZZ_BIN); do \
		dir=$$(dirname "$$f"); name=$${f##*/fuzz_}; corpus=$$dir/corpus/$$name; \
		mkdir -p "$$corpus"; \
		if [ -x "$$dir/seeds_$$name" ]; then "$$dir/seeds_$$name" "$$corpus" || exit 1; fi; \
		for input in tests/fuzz/regress/"$$name"/*; do \
			[ ! -f "$$input" ] || "$$f" -timeout=10 -rss_limit_mb=512 "$$input" \
				>"$$f.log" 2>&1 || \
				{ cat "$$f.log"; echo "not ok $$input"; exit 1; }; \
		done; \
		"$$f" -runs=$(FUZZ_RUNS) -max_total_time=$(FUZZ_TIME) -timeout=10 -rss_limit_mb=512 \
			-artifact_prefix="$$dir/" "$$corpus" >"$$f.log" 2>&1 || \
			{ tail -n 60 "$$f.log"; echo "not ok $$f"; exit 1; }; \
		echo "ok $$f: $$(tail -n 1 "$$f.log")"; \
	done

TAP_SHELL := $(wildcard tests/shell/*.t)
TAP_VM    := $(wildcard tests/vm/*.t)

check-shell: all
	$(if $(TAP_SHELL),tests/run-tap $(TAP_SHELL),@echo '# tests/shell is empty')

# Kernels against kernels at length: half an hour of virtual machines, run by hand.
TAP_LONG := $(wildcard tests/long/*.t)

check-long: all
	tests/run-tap -v $(TAP_LONG)

check-vm: all
	$(if $(TAP_VM),tests/run-tap -j 2 -v $(TAP_VM),@echo '# tests/vm is empty')

SHELL_FILES = $(shell grep -lE '^\#!/bin/(ba)?sh' $(wildcard *.sh guest/* reports/sample/*.sh tests/run-* tests/*/*.t tests/*/*.sh) \
	/dev/null 2>/dev/null)
TEXT_FILES  = $(wildcard *.md Makefile *.sh) $(wildcard docs src guest tests)

check-lint:
	shellcheck -x $(SHELL_FILES)
	codespell --ignore-words tests/codespell.ignore $(TEXT_FILES)

# The compilers build apart, so that the warnings of each are seen whatever is built already.
check:
	./collect.sh packages check
	+$(MAKE) DEVELOPER=1 CC=gcc BUILD=build/gcc BIN=build/gcc/bin/ all
	+$(MAKE) DEVELOPER=1 CC=clang BUILD=build/clang BIN=build/clang/bin/ all
	+$(MAKE) DEVELOPER=1 CC=gcc BUILD=build/gcc check-unit
	+$(MAKE) DEVELOPER=1 CC=gcc SANITIZE=address,undefined check-unit
	+$(MAKE) check-fuzz
	+$(MAKE) check-lint
	+$(MAKE) check-shell
	+$(MAKE) check-vm

# Takes minutes and fetches a Debian: run by hand.
check-fresh:
	tests/fresh-machine.sh

bench: $(BENCH_BIN) all
	@for b in $(BENCH_BIN); do "$$b" || exit 1; done
	@tests/bench/analyze.py

.PHONY: check check-unit check-fuzz run-fuzz check-lint check-shell check-vm check-long check-fresh bench
