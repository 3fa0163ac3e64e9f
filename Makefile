# SPDX-License-Identifier: GPL-2.0
# rein: `make help` lists the targets.
BUILD ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
CC ?= gcc
CLANG ?= clang
PREFIX ?= /usr/local
PROFILE_DIR ?= $(PREFIX)/share/rein/profiles
MAN_DIR ?= $(PREFIX)/share/man
FUZZ_SECONDS ?= 60

LIBS := libseccomp libcap libbpf libcyaml yaml-0.1 jansson libsodium
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wno-unused-parameter -Werror
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Iuserspace -I$(BUILD)/bpf -DREIN_PROFILE_DIR='"$(PROFILE_DIR)"'
ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARNINGS) $(HARDENING) $(shell pkg-config --cflags $(LIBS))
LDLIBS = $(shell pkg-config --libs $(LIBS)) -lutil -lresolv

BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_SKELETONS := $(BPF_SOURCES:bpf/%.bpf.c=$(BUILD)/bpf/%.skel.h)
SOURCES := $(wildcard userspace/*/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY_OBJECTS := $(filter-out $(BUILD)/userspace/cmd/main.o,$(OBJECTS))
PROFILES := $(wildcard profiles/*.yaml)
MAN_PAGES := $(wildcard doc/*.[1-8] doc/man/*.[1-8])

.PHONY: all clean deps help install
all: $(BUILD)/rein ## build the program (default)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort | while IFS='	' read -r name text; do \
		printf '  %-14s %s\n' "$$name" "$$text"; done
	@echo "Variables: V=1 (say what is run), BUILD, PREFIX, DESTDIR, CC, CLANG, CFLAGS, FUZZ_SECONDS"

deps: ## install the Debian packages that are missing (root), or name them
	$(Q).ci/deps

$(BUILD)/rein: $(BUILD)/userspace/cmd/main.o $(BUILD)/librein.a
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) -pie -Wl,-z,relro,-z,now -o $@ $^ $(LDLIBS)

$(BUILD)/librein.a: $(LIBRARY_OBJECTS)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar qcs $@ $^

$(BUILD)/userspace/%.o: userspace/%.c | $(BPF_SKELETONS)
	@echo "  CC    $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h include/rein/*.h)
	@echo "  BPF   $<"
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v3 -O2 -g -Wall -Werror -Iinclude -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<

.PRECIOUS: $(BUILD)/bpf/%.bpf.o
$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(Q)bpftool gen skeleton $< name rein_$* > $@.new && mv $@.new $@

install: $(BUILD)/rein ## install program, profiles and man pages under DESTDIR and PREFIX
	$(Q)install -D -m 755 $(BUILD)/rein $(DESTDIR)$(PREFIX)/bin/rein
	$(Q)install -d $(DESTDIR)$(PROFILE_DIR)
	$(Q)$(if $(PROFILES),install -m 644 $(PROFILES) $(DESTDIR)$(PROFILE_DIR))
	$(Q)$(foreach page,$(MAN_PAGES),install -D -m 644 $(page) \
		$(DESTDIR)$(MAN_DIR)/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page)) &&) true

clean: ## remove what was built
	$(Q)rm -rf $(BUILD)

include tests/rules.mk

-include $(OBJECTS:.o=.d)
