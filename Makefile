# rein: `make help` lists the targets.
BUILD ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
CC ?= gcc
CLANG ?= clang
PREFIX ?= /usr/local
PROFILE_DIR ?= $(PREFIX)/share/rein/profiles

LIBS := libseccomp libcap libbpf libcyaml yaml-0.1 jansson libsodium
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wno-unused-parameter -Werror
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Iuserspace -I$(BUILD)/bpf -DREIN_PROFILE_DIR='"$(PROFILE_DIR)"'
ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARNINGS) $(HARDENING) $(shell pkg-config --cflags $(LIBS))
LDLIBS = $(shell pkg-config --libs $(LIBS)) -lutil

BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_SKELETONS := $(BPF_SOURCES:bpf/%.bpf.c=$(BUILD)/bpf/%.skel.h)
SOURCES := $(wildcard userspace/*/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY_OBJECTS := $(filter-out $(BUILD)/userspace/cmd/main.o,$(OBJECTS))

.PHONY: all clean
all: $(BUILD)/rein

$(BUILD)/rein: $(BUILD)/userspace/cmd/main.o $(BUILD)/librein.a
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) -pie -Wl,-z,relro,-z,now -o $@ $^ $(LDLIBS)

$(BUILD)/librein.a: $(LIBRARY_OBJECTS)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c | $(BPF_SKELETONS)
	@echo "  CC    $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h include/rein/*.h)
	@echo "  BPF   $<"
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Werror -Iinclude -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(Q)bpftool gen skeleton $< name rein_$* > $@.new && mv $@.new $@

clean:
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d)
