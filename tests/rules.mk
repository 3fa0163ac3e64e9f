# SPDX-License-Identifier: GPL-2.0
# Tests, lint, demo, bench and fuzzing. Each file of unit/, live/ and escape/ is one Criterion program.
TEST_CPPFLAGS = $(CPPFLAGS) -Itests
TEST_GROUPS := unit live escape
TEST_SOURCES := $(wildcard $(TEST_GROUPS:%=tests/%/*.c))
TESTS := $(TEST_SOURCES:%.c=$(BUILD)/%)
HARNESS_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/harness/*.c))
PROBE_SOURCES := $(wildcard tests/escape/probes/*.c)
PROBE_OBJECTS := $(PROBE_SOURCES:%.c=$(BUILD)/%.o)
BENCH_TOOLS := $(addprefix $(BUILD)/tests/bench/,steps hooks agents states)
FUZZ_SOURCES := $(wildcard tests/fuzz/*.c)
FUZZERS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_FLAGS := -g -O1 -fsanitize=address,undefined
FUZZ_OBJECTS := $(LIBRARY_OBJECTS:$(BUILD)/%=$(BUILD)/fuzz/%)

# What `make check` runs in the guests: where kernels differ most. `make check-vm` runs all that tests/vm/suites lists.
VM_CORE := $(addprefix live/,bpf_file bpf_file_bytes bpf_file_counts bpf_file_still bpf_file_trips bpf_labels \
	bpf_labels_ways bpf_net bpf_trace bpf_trace_floods exact cgroup landlock mounts seccomp privileges shipped_profiles) \
	escape/lists escape/evasion

.PHONY: check check-unit check-live check-escape check-fuzz tests demo bench fuzz lint agents
check: ## install what is missing, build, run every test, as root and as an ordinary user
	$(Q).ci/deps
	$(Q)$(MAKE) --no-print-directory tests agents guests fuzzers
	$(Q)VM_SUITES="$(VM_CORE)" tests/check $(BUILD) unit live escape vm fuzz

check-unit: tests ## run the unit tests only
	$(Q)tests/check $(BUILD) unit

check-live: tests agents ## run the live tests only
	$(Q)tests/check $(BUILD) live

check-escape: tests ## run the escape probes only
	$(Q)tests/check $(BUILD) escape

check-vm: guests ## run the tests on other kernels only, under emulation; KERNEL=vmlinuz adds one
	$(Q)tests/check $(BUILD) vm cost

tests: $(BUILD)/rein $(TESTS) $(BUILD)/tests/probe

guests: tests $(BENCH_TOOLS) # the initramfs that the guests boot
	@mkdir -p $(BUILD)/vm
	$(Q)tests/vm/image $(BUILD)/vm/image $(BUILD)

LSM ?= landlock,lockdown,yama,integrity,apparmor,bpf
VM_KERNEL = $(or $(KERNEL),$(shell tests/vm/kernel 6.12 $(BUILD)/vm))
vm: guests ## a shell in a guest; KERNEL=vmlinuz, LSM=list choose it
	$(Q)VM_SHELL=1 tests/vm/run "$(VM_KERNEL)" $(BUILD)/vm/image 'cd /opt/rein; exec bash -i' \
		"$(LSM)"

.PHONY: fuzzers guests check-vm vm bench-vm soak
fuzzers: $(FUZZERS)

agents: # real agents, for tests/live/real_agents.c; skipped aloud without a registry
	$(Q)tests/live/install-agents $(BUILD)/agents

demo: ## install what is missing, build, show rein at work, in under two minutes
	$(Q).ci/deps build
	$(Q)$(MAKE) --no-print-directory $(BUILD)/rein
	$(Q)tests/demo/demo $(BUILD)/rein

bench: $(BUILD)/rein $(BUILD)/tests/bench/cost ## compare bare and confined, in ratios; writes $(BUILD)/bench.json
	$(Q)tests/bench/bench $(BUILD)

bench-vm: guests ## count instructions for each operation, on each kernel; writes $(BUILD)/bench-vm.json
	$(Q)tests/bench/vm $(BUILD)

PART ?= 0
SECONDS ?= 600
soak: tests guests ## stress-ng in agents for SECONDS, here and in guests; PART=1, 2 or 3: files, processes, network
	$(Q)tests/soak $(BUILD) $(PART) $(SECONDS)

fuzz: fuzzers ## fuzz for FUZZ_SECONDS each
	$(Q)tests/fuzz/run $(BUILD)/fuzz $(FUZZ_SECONDS)

lint: export FLAGS = $(TEST_CPPFLAGS) -std=gnu17 -O2 $(WARNINGS) $(shell pkg-config --cflags $(LIBS))
lint: $(BPF_SKELETONS) ## check formatting, warnings of gcc and clang, includes and house rules
	$(Q)CC="$(CC)" CLANG="$(CLANG)" tests/lint/lint

$(BUILD)/tests/harness/%.o: tests/harness/%.c
	@echo "  CC    $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/harness.a: $(HARNESS_OBJECTS)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

# patience.o is named, since nothing need call it for its hook to count.
$(TESTS): $(BUILD)/tests/%: tests/%.c $(BUILD)/tests/harness/patience.o $(BUILD)/tests/harness.a $(BUILD)/librein.a
	@echo "  TEST  $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CPPFLAGS) $(ALL_CFLAGS) -pie -MMD -MP -o $@ $< $(BUILD)/tests/harness/patience.o $(BUILD)/tests/harness.a $(BUILD)/librein.a \
		$(LDLIBS) -lcriterion

# The probes run inside a sandbox that may hold nothing but them: static, no libraries.
$(BUILD)/tests/escape/probes/%.o: tests/escape/probes/%.c
	@echo "  CC    $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CPPFLAGS) -std=gnu17 $(CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/probe: $(PROBE_OBJECTS)
	$(Q)$(CC) -static -o $@ $^

$(BUILD)/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CPPFLAGS) -std=gnu17 $(CFLAGS) $(WARNINGS) -static -o $@ $<

$(BUILD)/tests/bench/hooks $(BUILD)/tests/bench/agents: $(BUILD)/tests/bench/%: tests/bench/%.c $(BUILD)/librein.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CPPFLAGS) $(ALL_CFLAGS) -pie -o $@ $^ $(LDLIBS)

$(BUILD)/tests/bench/states: tests/bench/states
	@mkdir -p $(@D)
	$(Q)cp $< $@

# The library once more, as the fuzzer's compiler instruments it.
$(BUILD)/fuzz/userspace/%.o: userspace/%.c | $(BPF_SKELETONS)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -std=gnu17 $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link \
		$(shell pkg-config --cflags $(LIBS)) -MMD -MP -c -o $@ $<

$(FUZZERS): $(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJECTS)
	@echo "  FUZZ  $<"
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(TEST_CPPFLAGS) -std=gnu17 $(FUZZ_FLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(FUZZ_OBJECTS) $(LDLIBS)

-include $(HARNESS_OBJECTS:.o=.d) $(PROBE_OBJECTS:.o=.d) $(TESTS:%=%.d) $(FUZZ_OBJECTS:.o=.d) $(FUZZERS:%=%.d)
