# SPDX-License-Identifier: MIT
#
# memctx.  `make help` lists the targets.
#
# Sources are found by their place; what is built lands in build/MODE/ and is made again when the
# compiler or a flag changes.  CFLAGS, CPPFLAGS and LDFLAGS are yours: they come after ours.  Only
# `make demo` and `make check` install what is missing, and with INSTALL=no neither does.

MODE ?= release
B ?= build/$(MODE)
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
JOBS ?= $(shell nproc)

hash := \#
VERSION := $(shell sed -n 's/^$(hash)define MEMCTX_VERSION_[A-Z]* //p' lib/memctx.h | paste -sd. -)
SOVERSION := $(firstword $(subst ., ,$(VERSION)))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all lib tool tests threaded-tests objects objects-besides bench-programs FORCE need-tool \
	help check soak fuzz fuzz-run bench lint coverage coverage-run demo docs install uninstall \
	clean

all: lib tool docs

# ---- Flags -----------------------------------------------------------------------------

mode_release := -O2 -g
mode_debug := -Og -g3 -DMEMCTX_DEBUG=3
mode_asan := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
mode_tsan := -O1 -g1 -fno-omit-frame-pointer -fsanitize=thread
mode_coverage := -O0 -g --coverage
mode_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
# For tests themselves: compiling them costs more than running them, but for those that look at each
# byte.
light_release := -O1
light_asan := -O0
modes := release debug asan tsan coverage fuzz
ifeq ($(filter $(MODE),$(modes)),)
$(error MODE is one of $(modes), not '$(MODE)')
endif

warnings := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes $(if $(WERROR),-Werror)
all_cppflags = -Ilib -I. -D_GNU_SOURCE $(CPPFLAGS)
all_cflags = -std=c11 $(warnings) $(mode_$(MODE)) $(light) -fvisibility=hidden -pthread $(CFLAGS)
all_ldflags = -Wl,--as-needed $(LDFLAGS)

pkg = $(shell pkg-config $1 $2 2>/dev/null)
model_cflags := $(call pkg,--cflags,libcjson libarchive zlib)
model_libs := $(call pkg,--libs,libcjson libarchive zlib)
tui_cflags := $(call pkg,--cflags,ncursesw)
tui_libs := $(call pkg,--libs,ncursesw)
cmocka_cflags := $(call pkg,--cflags,cmocka)
cmocka_libs := $(call pkg,--libs,cmocka)

$(B)/lib/model/%.o: part_cflags = $(model_cflags)
$(B)/tui/%.o: part_cflags = $(tui_cflags)
$(B)/tests/%.o: part_cflags = $(cmocka_cflags)
$(B)/pic/%.o: part_cflags = -fPIC -fno-semantic-interposition
$(B)/check/%.o: part_cflags = $(checking)
$(B)/check-pic/%.o: part_cflags = -fPIC -fno-semantic-interposition $(checking)
checking := -UMEMCTX_DEBUG -DMEMCTX_DEBUG=3 -DMEMCTX_CHECK

# ---- What there is ---------------------------------------------------------------------

lib_src := $(wildcard lib/*.c)
model_src := $(wildcard lib/model/*.c)
tui_src := $(wildcard tui/*.c)
cli_src := $(wildcard cli/*.c)
test_src := $(wildcard tests/*_test.c)
fuzz_src := $(filter-out tests/fuzz_main.c,$(wildcard tests/fuzz_*.c))
# What several test programs share.
helper_src := $(filter-out $(test_src) tests/fuzz_%,$(wildcard tests/*.c))
# Programs that the test scripts run.
program_src := $(wildcard tests/programs/*.c)
bench_src := $(wildcard bench/*.c)

objects = $(patsubst %.c,$(B)/%.o,$1)
programs = $(patsubst %.c,$(B)/%,$1)
# Private: what a test is made from, the flags among it, is not made so.
$(call objects,$(filter-out tests/script_test.c,$(test_src))): private light = $(light_$(MODE))

static := $(B)/libmemctx.a
checked := $(B)/libmemctx-check.a
shared := $(B)/libmemctx.so.$(VERSION) $(B)/libmemctx-check.so.$(VERSION)
model := $(if $(model_src),$(B)/libmodel.a)
tui := $(if $(tui_src),$(B)/libtui.a)
helpers := $(if $(helper_src),$(B)/tests/libhelpers.a)
cli := $(if $(filter-out cli/main.c,$(cli_src)),$(B)/libcli.a)
tool := $(if $(cli_src),$(B)/memctx-tool)

lib: $(static) $(checked) $(shared)

# The release build's tool is the one at the top.
tool: $(tool) $(if $(tool),$(if $(filter build/release,$(B)),memctx-tool))

memctx-tool: $(tool)
	$(Q)ln -f $< $@ 2>/dev/null || cp -f $< $@

# Man pages and completion are printed by the tool, from the tables that make its help.
docs := $(if $(tool),$(patsubst cli/cmd_%.c,$(B)/docs/memctx-tool-%.1,$(wildcard cli/cmd_*.c)) \
	$(B)/docs/memctx-tool.1 $(B)/docs/memctx-tool)
docs: $(if $(filter release,$(MODE)),$(docs))

# ---- Rules -----------------------------------------------------------------------------

ifneq ($(V),1)
Q := @
endif
say = $(if $(Q),@printf '  %-5s %s\n' $1 $@,@:)

define compile
$(call say,CC)
@mkdir -p $(@D)
$(Q)$(CC) $(all_cppflags) $(all_cflags) $(part_cflags) -MMD -MP -c -o $@ $< 2>$@.said; \
	status=$$?; [ ! -s $@.said ] || cat $@.said >&2; exit $$status
$(only_looked)
endef
# What a compiler said stays, for tests/compilers.sh.  One that is to look only makes no file.
only_looked = $(if $(filter -fsyntax-only,$(CFLAGS)),@touch $@)

define archive
$(call say,AR)
$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
endef

define link
$(call say,LINK)
$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $(filter %.o %.a,$^) $1
endef

# A sanitizer leaves names for the program to define.
closed = $(if $(findstring sanitize,$(all_cflags)),,-Wl,-z,defs)

define link_shared
$(call say,LINK)
$(Q)$(CC) $(all_cflags) $(all_ldflags) -shared $(closed) \
	-Wl,-soname,$(@F:.$(VERSION)=.$(SOVERSION)) -o $@ $(filter %.o,$^)
$(Q)ln -sf $(@F) $(@:.$(VERSION)=.$(SOVERSION)) && ln -sf $(@F) $(@:.$(VERSION)=)
endef

$(B)/%.o: %.c $(B)/flags
	$(compile)
$(B)/pic/%.o: lib/%.c $(B)/flags
	$(compile)
$(B)/check/%.o: lib/%.c $(B)/flags $(B)/valgrind
	$(compile)
$(B)/check-pic/%.o: lib/%.c $(B)/flags $(B)/valgrind
	$(compile)

$(static): $(call objects,$(lib_src)) $(B)/sources
	$(archive)
$(checked): $(lib_src:lib/%.c=$(B)/check/%.o) $(B)/sources
	$(archive)
$(B)/libmodel.a: $(call objects,$(model_src)) $(B)/sources
	$(archive)
$(B)/libtui.a: $(call objects,$(tui_src)) $(B)/sources
	$(archive)
$(B)/libcli.a: $(call objects,$(filter-out cli/main.c,$(cli_src))) $(B)/sources
	$(archive)
$(B)/tests/libhelpers.a: $(call objects,$(helper_src)) $(B)/sources
	$(archive)

$(B)/libmemctx.so.$(VERSION): $(lib_src:lib/%.c=$(B)/pic/%.o) $(B)/sources
	$(link_shared)
$(B)/libmemctx-check.so.$(VERSION): $(lib_src:lib/%.c=$(B)/check-pic/%.o) $(B)/sources
	$(link_shared)

$(B)/memctx-tool: $(call objects,$(cli_src)) $(tui) $(model) $(static) $(B)/sources
	$(call link,$(if $(tui),$(tui_libs)) $(model_libs))

$(B)/docs/memctx-tool-%.1: $(tool)
	$(call print,help --man=$*)
$(B)/docs/memctx-tool.1: $(tool)
	$(call print,help --man=memctx-tool)
$(B)/docs/memctx-tool: $(tool)
	$(call print,help --completion=bash)

define print
$(call say,DOC)
@mkdir -p $(@D)
$(Q)$< $1 >$@
endef

# A test named *_check_test is linked with libmemctx-check, every other with libmemctx.
all_libs = $(cmocka_libs) $(if $(tui),$(tui_libs)) $(model_libs)
archives := $(cli) $(tui) $(model)
test_programs := $(call programs,$(test_src))
check_programs := $(filter %_check_test,$(test_programs))
threaded_programs := $(filter %thread_test %threads_test,$(test_programs))
fuzz_programs := $(call programs,$(fuzz_src))

$(filter-out $(check_programs) $(threaded_programs),$(test_programs)): $(B)/%: $(B)/%.o \
		$(helpers) $(archives) $(static)
	$(call link,$(all_libs))
# Those with threads need no screen, so that under ThreadSanitizer none is built.
$(threaded_programs): $(B)/%: $(B)/%.o $(helpers) $(model) $(static)
	$(call link,$(all_libs))
$(check_programs): $(B)/%: $(B)/%.o $(helpers) $(archives) $(checked)
	$(call link,$(all_libs))
$(call programs,$(program_src)): $(B)/%: $(B)/%.o $(archives) $(static)
	$(call link,$(all_libs))
ifeq ($(MODE),fuzz)
$(fuzz_programs): $(B)/%: $(B)/%.o $(archives) $(static)
	$(call link,-fsanitize=fuzzer $(all_libs))
else
$(fuzz_programs): $(B)/%: $(B)/%.o $(B)/tests/fuzz_main.o $(archives) $(static)
	$(call link,$(all_libs))
endif

# Test programs need cmocka; without it their suites are skipped.
tests: $(if $(cmocka_libs),$(test_programs)) $(fuzz_programs) $(call programs,$(program_src))

# Compiled only, to see what a compiler says: all, and what tests are not made of.
objects: objects-besides $(call objects,$(model_src) $(tui_src) $(cli_src) $(fuzz_src) \
	$(if $(cmocka_libs),$(test_src) $(helper_src)))
objects-besides: $(call objects,$(lib_src) $(bench_src))

# Stamps, rewritten only when they change: the flags behind every object, the list of sources behind
# every archive and program, and whether Valgrind's header is there for libmemctx-check.
define flags_text
$(shell $(CC) --version 2>&1 | head -n 1)
$(CC) $(all_cppflags) $(all_cflags) $(light_$(MODE)) $(all_ldflags)
$(checking) $(VERSION) $(model_cflags) $(tui_cflags) $(cmocka_cflags)
$(model_libs) $(tui_libs) $(cmocka_libs)
endef
valgrind_text = $(shell echo '$(hash)include <valgrind/memcheck.h>' | \
	$(CC) $(CPPFLAGS) -E -x c -o /dev/null - 2>/dev/null && echo with || echo without)
sources_text = $(lib_src) $(model_src) $(tui_src) $(cli_src) $(helper_src)

define update
@mkdir -p $(@D)
$(file >$@.new,$1)
@if cmp -s $@.new $@; then rm -f $@.new; else mv $@.new $@; fi
endef

$(B)/flags: FORCE | $(B)
	@scripts/deps.sh need cc libc
	$(call update,$(flags_text))
$(B)/valgrind: FORCE | $(B)
	$(call update,$(valgrind_text))
$(B)/sources: FORCE $(B)/flags | $(B)
	$(call update,$(sources_text))
$(B):
	@mkdir -p $@

need-tool:
	@scripts/deps.sh need pkg-config libcjson libarchive zlib $(if $(tui_src),ncursesw)
$(call objects,$(model_src) $(tui_src) $(cli_src)): | need-tool

# ---- Checking --------------------------------------------------------------------------

# Every test program runs in the release build and under AddressSanitizer and UBSan; those named
# here under Valgrind as well, and those with threads under ThreadSanitizer.
VALGRIND_TESTS ?= $(filter api_test chunk_test gone_test idmap_test limit_test misuse_test \
	model_test oom_test replay_test trace_test watch_test,$(tests_named))
TSAN_TESTS ?= $(filter %thread_test %threads_test,$(tests_named))
tests_named := $(test_src:tests/%.c=%)
fuzz_named := $(fuzz_src:tests/%.c=%)
soak_scripts := $(basename $(notdir $(wildcard tests/soak_*.sh)))
scripts := $(filter-out run $(soak_scripts),$(basename $(notdir $(wildcard tests/*.sh))))
# Scripts that say so run again with the sanitized tool.
asan_scripts := $(basename $(notdir $(shell grep -ls '^$(hash) also: asan' tests/*.sh)))
suites = $(tests_named:%=asan:%) $(VALGRIND_TESTS:%=valgrind:%) $(TSAN_TESTS:%=tsan:%) \
	$(tests_named:%=release:%) $(fuzz_named:%=corpus:%) \
	$(scripts:%=script:%) $(asan_scripts:%=asan-script:%)
# `make check TESTS='asan:* script:cli'` runs some of them.
TESTS ?= *

again = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

check:
	@scripts/deps.sh check
	@$(again) MODE=release all tests
	@$(again) MODE=asan tests $(if $(asan_scripts),tool)
	@$(again) MODE=tsan threaded-tests
	@TESTS='$(TESTS)' CC='$(CC)' tests/run.sh $(suites)

threaded-tests: $(if $(cmocka_libs),$(TSAN_TESTS:%=$(B)/tests/%))

# The long runs: STEPS random operations against the model, and the scripts named soak_*.
STEPS ?= 1000000000
soak:
	@scripts/deps.sh check
	@$(again) MODE=release all tests
	@$(again) MODE=asan tool
	@MEMCTX_STEPS=$(STEPS) SUITE_SECONDS=86400 TESTS='$(TESTS)' CC='$(CC)' tests/run.sh \
		$(addprefix release:,$(filter model_test,$(tests_named))) $(soak_scripts:%=script:%)

# New inputs for SECONDS in each harness; what it finds is kept in build/fuzz/found.
SECONDS ?= 60
fuzz:
	@scripts/deps.sh need clang
	@$(again) MODE=fuzz CC=clang fuzz-run
fuzz-run: $(fuzz_programs)
	@for name in $(fuzz_named:fuzz_%=%); do \
		found=$(B)/found/$$name && mkdir -p $$found && echo "fuzz_$$name, $(SECONDS) s" && \
		$(B)/tests/fuzz_$$name -max_total_time=$(SECONDS) -timeout=10 -max_len=65536 \
			-print_final_stats=1 -artifact_prefix=$$found.crash- $$found \
			$$(ls -d tests/corpus/$$name traces 2>/dev/null) || exit 1; \
	done

lint:
	@tests/lint.sh

coverage:
	@$(again) MODE=coverage coverage-run
coverage-run: tests
	@scripts/coverage.sh $(B) $(test_programs)

bench: lib tool bench-programs
	@B=$(B) bench/run.sh
	@echo; $(B)/bench/tree_bench $(tool)
	@echo; $(B)/bench/live_bench $(tool)
	@echo; $(B)/bench/tui_bench $(tool)
	@echo; $(B)/bench/seek_bench
bench_mains := $(filter %_bench.c,$(bench_src))
bench_parts := $(filter-out $(bench_mains),$(bench_src))
bench-programs: $(call programs,$(bench_mains))
$(call programs,$(bench_mains)): $(B)/%: $(B)/%.o $(call objects,$(bench_parts)) \
		$(tui) $(model) $(static)
	$(call link,$(pg_archive) $(if $(tui),$(tui_libs)) $(model_libs) -ldl -lm)
# LTTng-UST's side of the comparison, where its headers are there.
lttng_libs = $(call pkg,--libs,lttng-ust)
bench-programs: $(if $(lttng_libs),$(B)/bench/lttng_peer.so)
$(B)/bench/lttng_peer.so: bench/lttng/peer.c $(wildcard bench/lttng/*.h) $(B)/flags
	$(call say,LINK)
	$(Q)$(CC) $(all_cppflags) -O2 -fPIC -fvisibility=hidden -shared -o $@ $< $(lttng_libs) -ldl
# PostgreSQL's AllocSet as an archive, where libpg-query-dev is there.
pg_archive = $(filter /%,$(shell $(CC) -print-file-name=libpg_query.a 2>/dev/null))
$(B)/bench/linked.o: part_cflags = $(if $(pg_archive),-DBENCH_PG_ARCHIVE)

# What to see first.
demo:
	@scripts/deps.sh demo
	@$(again) all
	./memctx-tool replay traces/trace.txt
	./memctx-tool tree
	@printf '\nTry next:\n'
	@printf '  %-40s %s\n' \
		'./memctx-tool tui traces/freelist.trace' 'a freelist, step by step: Right' \
		'./memctx-tool demo' 'the screens over a live server'
	@printf '  %s\n' './memctx-tool tree --at peak' './memctx-tool events traces/trace.txt' \
		'./memctx-tool help trace' 'make check'

# ---- Installing ------------------------------------------------------------------------

bindir = $(DESTDIR)$(PREFIX)/bin
libdir = $(DESTDIR)$(LIBDIR)
includedir = $(DESTDIR)$(PREFIX)/include
sharedir = $(DESTDIR)$(PREFIX)/share

# What goes where: FOLDER:FILE, the file by the name it has here.
installed = $(tool:%=$(bindir):%) $(includedir):lib/memctx.h \
	$(patsubst %,$(libdir):%,$(static) $(checked) $(shared)) \
	$(patsubst %,$(sharedir)/memctx:%,$(wildcard lib/model/*.schema.json)) \
	$(patsubst %,$(sharedir)/memctx/traces:%,$(wildcard traces/*)) \
	$(patsubst %,$(sharedir)/man/man1:%,$(filter %.1,$(docs)) $(wildcard man/man1/*.1)) \
	$(patsubst %,$(sharedir)/man/man3:%,$(wildcard man/man3/*.3)) \
	$(patsubst %,$(sharedir)/bash-completion/completions:%,$(filter %/memctx-tool,$(docs))) \
	$(sharedir)/doc/memctx:LICENSE
# Links beside the shared libraries: what the loader and what the linker look for.
links = $(foreach lib,$(notdir $(shared)),$(lib:.$(VERSION)=.$(SOVERSION)) $(lib:.$(VERSION)=))
relative = $(shell realpath -ms --relative-to=$1 $2)

install: all
	$(Q)set -e; for pair in $(installed); do \
		folder=$${pair%:*} file=$${pair##*:} mode=644; [ ! -x "$$file" ] || mode=755; \
		install -d "$$folder"; install -m $$mode "$$file" "$$folder"; done
	$(Q)cd $(libdir) && for link in $(links); do \
		ln -sf "$${link%%.so*}.so.$(VERSION)" $$link; done
	$(Q)install -d $(libdir)/pkgconfig
	$(Q)sed -e 's|@UP@|$(call relative,$(LIBDIR)/pkgconfig,$(PREFIX))|' \
		-e 's|@LIB@|$(call relative,$(PREFIX),$(LIBDIR))|' -e 's|@VERSION@|$(VERSION)|' \
		memctx.pc.in >$(libdir)/pkgconfig/memctx.pc
	@! grep -q without $(B)/valgrind || \
		echo 'libmemctx-check knows nothing of Valgrind: its headers were not there'
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig || true

uninstall:
	$(Q)for pair in $(installed); do \
		folder=$${pair%:*} file=$${pair##*:}; rm -f "$$folder/$${file##*/}"; done
	$(Q)rm -f $(libdir)/pkgconfig/memctx.pc $(links:%=$(libdir)/%)
	$(Q)for folder in memctx/traces memctx doc/memctx; do \
		[ ! -d $(sharedir)/$$folder ] || rmdir $(sharedir)/$$folder || true; done

clean:
	rm -rf build memctx-tool

help:
	@printf '%s\n' \
	'make             the library and ./memctx-tool; MODE=release debug asan tsan coverage' \
	'make demo        installs what building needs, builds, and shows a first result' \
	'make check       installs what testing needs and runs every suite (TESTS=PATTERNS: some)' \
	'make soak        STEPS random operations, and what else takes long' \
	'make fuzz        SECONDS of new inputs for each harness, with clang' \
	'make bench       the allocator against its peers, and the replay' \
	'make coverage    lines and branches of lib/ that the tests reach' \
	'make lint        format, shell scripts, rules of the tree' \
	'make install     under PREFIX, DESTDIR, LIBDIR; uninstall takes the same' \
	'INSTALL=no       with demo, check: install nothing' 'V=1              show the commands'

-include $(shell find $(B) -name '*.d' 2>/dev/null)
