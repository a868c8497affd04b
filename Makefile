# `make help` lists what there is. Every target first runs the set-up that it needs, which does nothing when all is in place.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.PHONY: help build run test sanitizers asan tsan neon oracles fuzz bench align-demo format format-check docs install clean setup-build setup-viewer setup-torch setup-format setup-neon setup-fuzz setup-sanitizers

# The question that `make run` asks. It travels in the environment, unexpanded, so that quotes and $$ arrive as they were typed.
PROMPT ?= Why is the sky blue? Answer in two sentences.
export ORRERY_PROMPT := $(value PROMPT)
unexport PROMPT

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local

# $(call ninja,PRESET,TARGETS): configures once, then builds; CMake reconfigures by itself when a file of its changes.
folder = build$(if $(filter-out release,$(1)),-$(1))
define ninja
@[ -f $(call folder,$(1))/build.ninja ] || cmake --preset $(1) --log-level=WARNING
@cmake --build $(call folder,$(1)) -j $(JOBS) $(if $(2),--target $(2))
endef

build: setup-build setup-viewer setup-torch ## build everything into build/ (the default)
	$(call ninja,release)

run: setup-build ## ask the default model: make run PROMPT="Why is the sky blue?"
	@setup/fetch.sh smollm2
	$(call ninja,release,orrery)
	@build/bin/orrery run smollm2 "$$ORRERY_PROMPT" --temperature 0 --max-tokens 400

test: setup-build setup-viewer setup-torch ## build and run all tests
	@setup/fetch.sh smollm2
	$(call ninja,release)
	@JOBS=$(JOBS) tests/run.sh build

sanitizers: asan tsan ## both of the next two

# Tests of bounds in time and size, of statistics, of many random texts and of the real model take minutes unoptimised; release builds run them.
bounds = ^(Time|Size)/Hostile|Bounded$$|[.]HostileTextsEndSoon|[.]ThreadsShareOne|[.]SampledTokensHaveTheSameDistribution|[.](RandomTextsAreTheSameInEveryCut|ForcedAnswersAreCallsThatFitInEveryFormat|MaskIsWhatAcceptAccepts|AttentionSinksGoOnInConstantMemory)$$|SmolLm2Golden|^Hostile(Pickle|Safetensors)[.](ManyValues|Deep)|^HttpFaults[.](ABodyOfHundredMegabytes|ManyValues|WhoReadsSlowly)
asan: setup-build setup-sanitizers ## the tests under ASan and UBSan, without those of bounds in time and size
	@setup/fetch.sh smollm2
	$(call ninja,asan-ubsan)
	@JOBS=$(JOBS) tests/run.sh build-asan-ubsan -E '$(bounds)'

tsan: setup-build setup-sanitizers ## what many threads share, under TSan: the engine, the server, the thread pool, the progress line
	$(call ninja,tsan,test_base test_text test_serve)
	@JOBS=$(JOBS) tests/run.sh build-tsan -R '^(Engine|ThreadPool|Progress|Http[.]|Shelf|Turnstile)'

neon: setup-neon ## the kernels and their tests for aarch64, run under qemu
	@JOBS=$(JOBS) tests/cross/run.sh

oracles: setup-build setup-torch ## converted files in llama-cpp-python and transformers, training in TRL: the same numbers as here
	$(call ninja,release,orrery orrery-torch logits)
	@tests/oracles/run.sh
	@tests/oracles/training/run.sh

fuzz: setup-build setup-fuzz ## every parser under libFuzzer: make fuzz SECONDS=60
	$(call ninja,fuzz)
	@tests/fuzz/run.sh $(or $(SECONDS),60)

bench: setup-build ## Orrery against llama.cpp on this machine; writes bench/README.md
	@setup/fetch.sh smollm2
	@JOBS=$(JOBS) bench/peer.sh
	@bench/models.sh
	$(call ninja,release,orrery)
	@bench/run

align-demo: setup-build setup-torch ## SFT, DPO, PPO and best of n on small models; writes into docs/align.md
	@setup/fetch.sh smollm2
	$(call ninja,release,orrery orrery-torch measure_policy prefer tilted frontier)
	@bench/align/run

format: setup-format ## format every C++ file
	@git ls-files -z '*.cpp' '*.h' | xargs -0 clang-format-14 -i

format-check: setup-format ## fail where `make format` would change something
	@git ls-files -z '*.cpp' '*.h' | xargs -0 clang-format-14 --dry-run -Werror

docs: setup-build ## man pages and shell completion into build/share
	$(call ninja,release,orrery)

install: build ## install into PREFIX (/usr/local)
	@cmake --install build --prefix $(PREFIX)

clean: ## remove what was built; the cache of downloads stays
	@rm -rf build build-*

# A build that was configured while libtorch was not there is configured again.
setup-torch: setup-build
	@setup/fetch.sh uplot
	@[ "$$(uname -m)" != x86_64 ] || { setup/fetch.sh torch cudart cupti; grep -qs '^ORRERY_LIBTORCH:INTERNAL=/' build/CMakeCache.txt || rm -f build/build.ninja; }

# The viewer of scenes is left out where there is no npm: Debian's would bring 350 packages. A build without it is configured again.
setup-viewer: setup-build
	@if command -v npm >/dev/null; then setup/fetch.sh three spark; grep -qs '^ORRERY_VIEWER:INTERNAL=ON' build/CMakeCache.txt || rm -f build/build.ninja; \
	else echo "setup: without npm the viewer of scenes is left out"; fi

setup-build setup-format setup-neon setup-fuzz setup-sanitizers: setup-%:
	@setup/packages.sh $*

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do \
	  printf '  make %-14s%s\n' "$$name" "$$what"; done
