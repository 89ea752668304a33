# Everything a person does with this repository. `make` alone lists it.
SHELL := /bin/bash
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
ROUNDS ?= 50
USERS ?= 10000
SEEDS ?= 1000
CONNECTIONS ?= 3000
SECONDS ?= 60
TARGET ?=
ARGS ?=

# Imports that the manifest does not declare are errors: a room reaches only what its target names.
BUILD := swift build -j $(JOBS) --explicit-target-dependency-import-check error
PYTHON := $(CURDIR)/.build/venv/bin/python
DEBUG_COURANT := $(CURDIR)/.build/debug/courant
SIMULATE := $(CURDIR)/.build/debug/courant-simulate
RELEASE_COURANT := $(CURDIR)/.build/release/courant
# With hundreds of tests at once on two cores, those that start servers would starve.
NARROW := $(shell swift test --help-hidden 2>/dev/null | grep -q maximum-parallelization-width \
	&& echo --experimental-maximum-parallelization-width 3)
SWIFT_PATHS := Sources Tests Benchmarks Package.swift

export COURANT_PYTHON := $(PYTHON)

.DEFAULT_GOAL := help
.PHONY: help setup build demo test simulate crash day attack fuzz tsan bench growth compare soak instructions lint format docs clean

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: ## install the system libraries that are missing
	@scripts/setup

build: setup ## build the release binary, .build/release/courant
	$(BUILD) -c release --product courant

demo: build ## see events go in over HTTP and come out as Avro files; ARGS="--events N --data DIR --keep"
	$(RELEASE_COURANT) demo $(ARGS)

test: ## build and run all tests; ARGS="--filter JournalTests" for some
	@scripts/setup --test
	$(BUILD) --build-tests
	scripts/run-tests $(NARROW) $(ARGS)

simulate: ## run the service in a simulated world, SEEDS times (1000) with faults by seed; ARGS="--first N --verbose"
	@scripts/setup --test
	$(BUILD) --product courant-simulate
	$(SIMULATE) --seeds $(SEEDS) --jobs $(JOBS) $(ARGS)

crash: ## kill -9 the server at random moments, ROUNDS times (50), and count what stands in the files
	@scripts/setup --test
	$(BUILD) --product courant
	$(PYTHON) Tests/Crash/crash.py --courant $(DEBUG_COURANT) --rounds $(ROUNDS) $(ARGS)

day: ## a day of reports and webhooks of USERS people (10000), kill -9 meanwhile, and compare the files with a model
	@scripts/setup --test
	$(BUILD) --product courant
	$(PYTHON) Tests/Tracking/day.py --courant $(DEBUG_COURANT) --users $(USERS) $(ARGS)

growth: build ## show how cost grows with sizes and numbers, as plots in docs/plots; ARGS="--only size,batch"
	@scripts/setup --bench
	$(PYTHON) Benchmarks/growth $(ARGS)

compare: build ## set Courant beside fastavro, polars and, where it is installed, Fluent Bit
	@scripts/setup --bench
	$(PYTHON) Benchmarks/compare $(ARGS)

soak: build ## an hour at half load with a store that fails and comes back; ARGS="--minutes 10"
	@scripts/setup --bench
	$(PYTHON) Benchmarks/soak $(ARGS)

attack: ## attack the server from outside, CONNECTIONS idle ones at once (3000), with bombs and floods; look for secrets
	@scripts/setup --test
	$(BUILD) --product courant
	for attack in crowd bombs flood secrets; do \
		$(PYTHON) -B Tests/Attack/attack.py $$attack --courant $(DEBUG_COURANT) --connections $(CONNECTIONS) || exit 1; \
	done

fuzz: ## give made-up inputs to all that meets bytes of strangers, each SECONDS long (60); TARGET=intake for one
	@scripts/setup
	scripts/fuzz run $(SECONDS) $(TARGET)

tsan: ## run the concurrent tests under the thread sanitizer; ARGS="--filter JournalTests" for some
	@scripts/setup --test
	scripts/run-tsan $(NARROW) $(ARGS)

bench: ## measure intake, journal, delivery and the whole path against the C++ reference
	@scripts/setup --bench
	$(BUILD) -c release --product courant
	$(BUILD) -c release --product courant-bench
	Benchmarks/run $(ARGS)

instructions: ## count instructions and allocations per event, and compare with what is recorded; ARGS="--record"
	@scripts/setup --count
	$(BUILD) -c release --product courant-bench
	Benchmarks/instructions $(ARGS)

lint: ## check formatting
	swift format lint --strict --parallel --recursive $(SWIFT_PATHS)

format: ## mend formatting
	swift format format --in-place --parallel --recursive $(SWIFT_PATHS)

docs: setup ## write docs/glossary.md anew from the glossary
	$(BUILD) --product courant
	$(DEBUG_COURANT) glossary document > .build/glossary.md
	mv .build/glossary.md docs/glossary.md

clean: ## remove .build
	rm -rf .build
