# SPDX-License-Identifier: Apache-2.0
#
# The commands people and CI run. Each one does the same on every machine:
# what a target needs, it installs or builds itself. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

# Two jobs are what the smallest machine that runs the suites has.
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=

BUILD := build
RELEASE := $(BUILD)/release
SANITIZE := $(BUILD)/sanitize

# Debian 12's names. BUILD_PACKAGES make the binaries, TEST_PACKAGES are what
# the suites drive: real container runtimes, and the tools of the harness.
BUILD_PACKAGES := \
  bpftool ccache clang-14 cmake g++ libarchive-dev libbpf-dev \
  libcli11-dev libcpp-httplib-dev libcurl4-openssl-dev libelf-dev \
  libre2-dev libseccomp-dev libspdlog-dev libsqlite3-dev libssl-dev \
  libxxhash-dev libyaml-cpp-dev libzstd-dev linux-libc-dev llvm-14 make \
  ninja-build nlohmann-json3-dev pkg-config zlib1g-dev
TEST_PACKAGES := \
  bats busybox-static clang-format-14 clang-tidy-14 conmon containerd crun \
  criu curl docker.io iproute2 jq libbenchmark-dev libclang-rt-14-dev \
  libgmock-dev libgtest-dev nftables openssl podman procps python3 \
  qemu-system-x86 runc shellcheck sqlite3 systemd util-linux zstd

APT_GET := DEBIAN_FRONTEND=noninteractive apt-get -y -q \
  -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3
PACKAGE_STATE := dpkg-query -W -f='$${db:Status-Status}'

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / \
	  { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Asks dpkg first, so that a machine that has everything needs no network.
# No service is started: policy-rc.d answers 101 ("not allowed") meanwhile,
# and is removed again unless the machine had one of its own.
.PHONY: deps
deps:  ## install the Debian packages needed to build and test
	@missing=(); \
	for package in $(BUILD_PACKAGES) $(TEST_PACKAGES); do \
	  state="$$($(PACKAGE_STATE) "$$package" 2>/dev/null || true)"; \
	  [[ "$$state" == installed ]] || missing+=("$$package"); \
	done; \
	if (( $${#missing[@]} == 0 )); then exit 0; fi; \
	echo "installing: $${missing[*]}"; \
	if (( EUID != 0 )); then \
	  echo "make deps: installing packages needs root" >&2; exit 1; \
	fi; \
	if [[ ! -e /usr/sbin/policy-rc.d ]]; then \
	  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; \
	  chmod 0755 /usr/sbin/policy-rc.d; \
	  trap 'rm -f /usr/sbin/policy-rc.d' EXIT; \
	fi; \
	$(APT_GET) update; \
	$(APT_GET) install --no-install-recommends "$${missing[@]}"

# Where the suites find the programs; the harness and the demo read it.
export BAILIFF_BIN := $(CURDIR)/$(RELEASE)/bin

.PHONY: build
build: $(RELEASE)/build.ninja  ## build the programs into build/release/bin
	@cmake --build $(RELEASE) -j $(JOBS) --target programs

# Presets are configured once; CMake reconfigures itself after that.
$(BUILD)/%/build.ninja: CMakePresets.json | deps
	@cmake --preset $* --log-level=WARNING

# One CTest run over two builds, so that there is one summary at the end.
$(BUILD)/test/CTestTestfile.cmake: Makefile
	@mkdir -p $(@D)
	@printf 'subdirs("%s")\n' $(CURDIR)/$(SANITIZE) $(CURDIR)/$(RELEASE) > $@

.PHONY: test-build
test-build: $(RELEASE)/build.ninja $(SANITIZE)/build.ninja \
    $(BUILD)/test/CTestTestfile.cmake
	@cmake --build $(SANITIZE) -j $(JOBS)
	@cmake --build $(RELEASE) -j $(JOBS)

# A narrower run: make test CTEST_ARGS='-L unit', or -R a name.
.PHONY: test
test: test-build  ## run every suite, on a fresh machine too
	@ctest --test-dir $(BUILD)/test -j $(JOBS) --no-tests=error \
	  --output-on-failure --output-junit $(CURDIR)/$(BUILD)/test/junit.xml \
	  $(CTEST_ARGS)

.PHONY: demo
demo: build  ## the log4shell story, end to end, on this machine
	@examples/log4shell/demo.sh

.PHONY: check
check: $(RELEASE)/build.ninja  ## the house rules (make tidy is apart: slow)
	@cmake --build $(RELEASE) -j $(JOBS) --target generated
	@ctest --test-dir $(RELEASE) -j $(JOBS) --no-tests=error \
	  --output-on-failure -L '^check$$'

.PHONY: tidy
tidy: $(BUILD)/clang/build.ninja  ## clang-tidy over everything we wrote
	@cmake --build $(BUILD)/clang -j $(JOBS) --target generated
	@run-clang-tidy-14 -quiet -j $(JOBS) -p $(BUILD)/clang $(TIDY_FILES) \
	  '^$(CURDIR)/(rules|oci|hook|sidecar)/'

.PHONY: format
format: | deps  ## lay the sources out as the check wants them
	@python3 tests/check/format.py --fix

.PHONY: golden
golden: $(SANITIZE)/build.ninja  ## rewrite the golden files; review the diff
	@cmake --build $(SANITIZE) -j $(JOBS)
	@BAILIFF_UPDATE_GOLDEN=1 ctest --test-dir $(SANITIZE) --no-tests=error \
	  --output-on-failure -L '^golden$$'

# Falco's own rules, for the page of where each is decided.
FALCO_RULES ?= ../shared/data/falco-rules
FALCO_FILES := falco_rules falco-incubating_rules falco-sandbox_rules \
  falco-deprecated_rules

# A unit test fails when a page is not what the tables say.
.PHONY: docs
docs: build  ## rewrite the generated pages; review the diff
	@fields="$(BAILIFF_BIN)/bailiff fields -o markdown"; \
	$$fields > $(BUILD)/FIELDS.md; \
	$$fields --events > $(BUILD)/EVENTS.md; \
	mv $(BUILD)/FIELDS.md $(BUILD)/EVENTS.md rules/fields/
	@if [[ -d "$(FALCO_RULES)" ]]; then \
	  rules="$(patsubst %,$(FALCO_RULES)/%.yaml,$(FALCO_FILES))"; \
	  "$(BAILIFF_BIN)/bailiff" explain $$rules -o markdown \
	    > $(BUILD)/FALCO_RULES.md 2> /dev/null; \
	  mv $(BUILD)/FALCO_RULES.md rules/lower/; \
	else \
	  echo "rules/lower/FALCO_RULES.md stays: no '$(FALCO_RULES)'"; \
	fi
	@cmake --build $(RELEASE) -j $(JOBS) --target prober taker foreigner
	@PROBER="$(CURDIR)/$(RELEASE)/tests/bin/prober" BAILIFF_UPDATE_DOCS=1 \
	  TAKER="$(CURDIR)/$(RELEASE)/tests/bin/taker" \
	  FOREIGNER="$(CURDIR)/$(RELEASE)/tests/bin/foreigner" \
	  tests/e2e/run --print-output-on-failure tests/bypass/allowed.bats \
	  tests/bypass/bypass.bats tests/bypass/inbound.bats \
	  tests/bypass/answers.bats tests/bypass/foreign.bats

.PHONY: bench
bench: $(RELEASE)/build.ninja  ## the benchmarks, on a quiet machine
	@cmake --build $(RELEASE) -j $(JOBS)
	@mkdir -p $(BUILD)/bench
	@$(RELEASE)/tests/bin/bench_rules --json $(BUILD)/bench/rules.json
	@$(RELEASE)/tests/bin/bench_connect --json $(BUILD)/bench/connect.json
	@$(RELEASE)/tests/bin/bench_send
	@$(RELEASE)/tests/bin/bench_frame
	@$(RELEASE)/tests/bin/bench_swap
	@$(RELEASE)/tests/bin/bench_attach --json $(BUILD)/bench/attach.json
	@$(RELEASE)/tests/bin/bench_lists
	@$(RELEASE)/tests/bin/bench_names
	@$(RELEASE)/tests/bin/bench_observe
	@$(RELEASE)/tests/bin/bench_task
	@$(RELEASE)/tests/bin/bench_capture
	@if [[ -d "$(FALCO_RULES)" ]]; then tests/bench/bench_falco.sh; else \
	  echo "bench_falco is left out: no '$(FALCO_RULES)'"; fi
	@tests/bench/bench_container.sh

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: | deps  ## each fuzzer for FUZZ_SECONDS (60)
	@JOBS=$(JOBS) tests/fuzz/run.sh $(FUZZ_SECONDS)

# Not of `make test`: under software emulation it takes minutes. Frames need
# Linux 6.6 and uses of sockets 6.3, and nobody there has memory counted; the rest
# that is left out takes longest and asks for what others ask for as well.
VM_FILTER ?= *:-Frame.*:FrameQuery.*:*Frames*:HostNetwork.*:Interfaces*:$\
  HookBeforeStart.*:ExchangeOfPod.*:Update.Brings*:Raw.Forwarded*:$\
  Raw.DatagramsOver*:Sender.*:ForeignUse.*:ForeignDatagram.WithoutMemory*:$\
  Probes.*:Lists.TheKernel*:Lists.*Containers*:Sharing*:ManyRules.AsMany*
# Of what programs for frames do, on the oldest kernel Debian has that lets them;
# who makes one long call over TCP is known from Linux 6.16 on.
VM_FRAMES_FILTER ?= Frame.*:FrameQuery.*:HookBeforeStart.*:HostNetwork.*:$\
  Interface*:LocalPort.*:Passed.*:Raw*:Sender.*:Update.*:$\
  -Sender.OverAConnectionIsKnownBeforeItsCallHasEnded
.PHONY: vm
vm: $(RELEASE)/build.ninja  ## what needs Debian's Linux 6.1 or 6.12, emulated
	@cmake --build $(RELEASE) -j $(JOBS) --target kernel programs foreigner
	@tests/vm/run $(RELEASE)/tests/bin/kernel --gtest_filter='$(VM_FILTER)'
	@VM_SUITE=bookworm-backports tests/vm/run $(RELEASE)/tests/bin/kernel \
	  --gtest_filter='$(VM_FRAMES_FILTER)'
	@VM_SUITE=bookworm-backports tests/vm/run env BAILIFF_BIN="$(BAILIFF_BIN)" \
	  FOREIGNER="$(CURDIR)/$(RELEASE)/tests/bin/foreigner" tests/e2e/run \
	  --print-output-on-failure -f '^[a-z]' tests/bypass/foreign.bats
	@tests/vm/run env BAILIFF_BIN="$(BAILIFF_BIN)" CRIU_WORKS=1 \
	  tests/e2e/run --print-output-on-failure tests/e2e/checkpoint.bats

.PHONY: install
install: build  ## install the programs below DESTDIR/PREFIX
	@DESTDIR='$(DESTDIR)' cmake --install $(RELEASE) --prefix '$(PREFIX)'

.PHONY: clean
clean:  ## remove everything that was built
	@rm -rf $(BUILD)
