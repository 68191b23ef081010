# Every target builds the virtualenv it needs; one is built again when its file in requirements/ changes.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Any Python from 3.11 to 3.13.
PYTHON ?= python3
# An inventory file or folder; without one provision sets up the embedded server on this machine.
INVENTORY ?=
# More arguments for ansible-playbook, such as --check or -e @variables.yml.
ANSIBLE_ARGS ?=
# Folders or files with tests, for test and test-all; all of them without one.
TESTS ?=
# More arguments for pytest, such as -k parity or -x.
PYTEST_ARGS ?=
# How many processes run tests side by side; 0 for pytest's own alone, as a debugger wants it.
# More than there are cores, since tests also wait: for locks, timeouts and servers.
TEST_PROCESSES ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
# For test-core: one that has a file in requirements/.
CORE ?= 2.18
# One scenario's name; without it all run.
SCENARIO ?=

TOOLS := $(CURDIR)/.venv
BUILD := $(CURDIR)/.build
TEST := $(BUILD)/test
IMPORTER := $(BUILD)/importer

# Warnings about the machine's own pip settings say nothing about this project; errors still show.
PIP := -m pip install -qq --disable-pip-version-check
PLAYBOOK := ANSIBLE_CONFIG=$(CURDIR)/ansible.cfg $(TOOLS)/bin/ansible-playbook
ifeq ($(INVENTORY),)
# Where nobody named hosts, this machine is meant, and Ansible need not warn that it found none.
PLAYBOOK := ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_INVENTORY_UNPARSED_WARNING=0 $(PLAYBOOK)
else
PLAYBOOK += -i $(INVENTORY)
endif
PYTEST := $(TEST)/bin/python -m pytest -q
# A file stays with one process, for what its tests share.
PARALLEL := -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
# Programs of the tools' environment come first, then the tests' own.
WITH_TEST := PATH=$(TEST)/bin:$$PATH

# $(call virtualenv,FOLDER,REQUIREMENTS): a half-built one has no stamp, and is built anew.
define virtualenv
@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); sys.exit(0 if ok else "Python 3.11 to 3.13 is needed, $(PYTHON) is %d.%d: choose another with PYTHON=" % sys.version_info[:2])'
@echo "building $(1:$(CURDIR)/%=%) from $(2)"
@$(PYTHON) -m venv --clear $(1)
@$(1)/bin/python $(PIP) -r $(2)
@touch $(1)/.stamp
endef

$(TOOLS)/.stamp: requirements/tools.txt
	$(call virtualenv,$(TOOLS),$<)

$(TEST)/.stamp: requirements/test.txt requirements/pytest.txt requirements/tools.txt
	$(call virtualenv,$(TEST),$<)

$(IMPORTER)/.stamp: requirements/importer.txt
	$(call virtualenv,$(IMPORTER),$<)

$(BUILD)/docs/.stamp: requirements/docs.txt
	$(call virtualenv,$(@D),$<)

# Else pip would only say that there is no such release of the package ansible.
$(BUILD)/core-%/.stamp: requirements/core-%.txt requirements/pytest.txt
	@$(PYTHON) -c 'import sys; needed = (3, 12) if (2, 20) <= tuple(map(int, "$*".split("."))) else (3, 11); sys.exit(0 if sys.version_info >= needed else "ansible-core $* needs Python %d.%d or newer: choose it with PYTHON=" % needed)'
	$(call virtualenv,$(@D),$<)

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  INVENTORY=hosts.yml ANSIBLE_ARGS=--check   for provision, verify and stop"
	@echo "  TESTS=tests/functional/faults              for test and test-all"
	@echo "  PYTEST_ARGS='-k parity'                    for test, test-all, test-unit, test-functional and test-build"
	@echo "  SCENARIO=default CORE=2.18                 for molecule; without CORE on the tests' own ansible-core"
	@echo "  PYTHON=python3.12                          for all of them"

.PHONY: provision verify stop
provision: $(TOOLS)/.stamp ## install the checkpointer, create its schema, prove parity
	@$(PLAYBOOK) playbooks/provision.yml $(ANSIBLE_ARGS)

verify: $(TOOLS)/.stamp ## read what stands, and fail on drift
	@$(PLAYBOOK) playbooks/verify.yml $(ANSIBLE_ARGS)

stop: $(TOOLS)/.stamp ## stop the embedded server; its data stays
	@$(PLAYBOOK) playbooks/embedded_postgres.yml -e embedded_postgres_state=stopped $(ANSIBLE_ARGS)

# $(call tests,SCOPE): the static checks beside pytest, whose count is the last line. One topic (TESTS, PYTEST_ARGS) leaves them out.
define tests
@mkdir -p $(BUILD)
@checks=; trap '[[ -z $$checks ]] || kill $$checks 2>/dev/null || true' EXIT; \
$(if $(PYTEST_ARGS)$(TESTS),,$(MAKE) --no-print-directory test-static >$(BUILD)/static.log 2>&1 & checks=$$!;) \
status=0; $(WITH_TEST) LANGGRAPH_TEST_SCOPE=$(1) $(PYTEST) $(or $(TESTS),tests/functional tests/unit) $(PARALLEL) $(PYTEST_ARGS) 2>&1 | tee $(BUILD)/pytest.log || status=1; \
if [[ $$checks ]]; then wait $$checks || status=1; checks=; echo; cat $(BUILD)/static.log; tail -n 1 $(BUILD)/pytest.log; fi; \
exit $$status
endef

.PHONY: test test-all
test: $(TEST)/.stamp $(IMPORTER)/.stamp ## run what a change usually needs: static checks, unit tests, functional tests on the newest server
	$(call tests,usual)

test-all: $(TEST)/.stamp $(IMPORTER)/.stamp ## run all that needs no container: every server version and every variant as well
	$(call tests,all)

.PHONY: test-unit test-functional test-build test-static test-lint lint test-sanity test-importer test-fresh
test-unit: $(TEST)/.stamp ## run the unit tests
	@$(WITH_TEST) $(PYTEST) tests/unit $(PYTEST_ARGS)

test-functional: $(TEST)/.stamp ## run modules, roles and playbooks on real PostgreSQL servers
	@$(WITH_TEST) $(PYTEST) tests/functional $(PARALLEL) $(PYTEST_ARGS)

test-build: $(TEST)/.stamp ## build the archive, look into it, install it and run it
	@$(WITH_TEST) LANGGRAPH_TEST_SCOPE=all $(PYTEST) tests/functional/packaging/test_archive.py $(PYTEST_ARGS)

test-static: test-lint test-sanity test-importer ## run all that needs no test runner

lint: test-lint

test-lint: $(TEST)/.stamp ## run ruff, mypy, yamllint, ansible-lint (production) and the changelog's check
	@$(TEST)/bin/ruff check --quiet
	@$(TEST)/bin/ruff format --check --quiet
	@$(TEST)/bin/mypy --python-executable $(TEST)/bin/python
	@$(TEST)/bin/yamllint --strict .
	@$(WITH_TEST) $(TEST)/bin/antsibull-changelog lint
	@$(WITH_TEST) $(TEST)/bin/ansible-lint --offline -q

test-sanity: $(TEST)/.stamp ## run ansible-test sanity, all of it
	@$(TEST)/bin/python tests/tools/sanity.py $(BUILD)/sanity

test-importer: $(TEST)/.stamp $(IMPORTER)/.stamp ## run Galaxy's own import checks; a warning fails
	@$(IMPORTER)/bin/python tests/tools/importer.py $(BUILD)/import $(TEST)/lib/python3.*/site-packages

test-fresh: ## run provision and test on bare Debian 12 and 13, as root and as an ordinary user, in containers
	@$(PYTHON) tests/tools/fresh.py

# From 2.20 on a controller needs Python 3.12: make test-core CORE=2.21 PYTHON=python3.13
CORE_ENV = $(BUILD)/core-$(CORE)
.PHONY: test-core
test-core: $(BUILD)/core-$(CORE)/.stamp ## run sanity, unit and functional tests on another ansible-core: CORE=2.18
	@$(CORE_ENV)/bin/python tests/tools/sanity.py $(BUILD)/sanity-$(CORE)
	@PATH=$(CORE_ENV)/bin:$$PATH $(CORE_ENV)/bin/python -m pytest -q tests/unit tests/functional $(PARALLEL) $(PYTEST_ARGS)

# On the tests' own ansible-core, or on another: make molecule CORE=2.18 SCENARIO=default
MOLECULE_ENV = $(if $(filter command environment,$(firstword $(origin CORE))),$(CORE_ENV),$(TEST))
.PHONY: molecule molecule-destroy
molecule: $(MOLECULE_ENV)/.stamp ## run the Molecule scenarios
	@PATH=$(MOLECULE_ENV)/bin:$$PATH $(MOLECULE_ENV)/bin/molecule test $(if $(SCENARIO),--scenario-name $(SCENARIO),--all)

# For a run that was interrupted: a finished one has removed its containers itself.
molecule-destroy: $(MOLECULE_ENV)/.stamp ## remove the containers and networks of the scenarios
	@PATH=$(MOLECULE_ENV)/bin:$$PATH $(MOLECULE_ENV)/bin/molecule destroy $(if $(SCENARIO),--scenario-name $(SCENARIO),--all)

.PHONY: docs
docs: $(BUILD)/docs/.stamp ## build the documentation's site and check it; a warning fails
	@$(BUILD)/docs/bin/python tests/tools/site.py $(BUILD)/site

# Two files of the modules' fill lines of the table too.
FAULTS := tests/functional/faults tests/functional/modules/test_schema_repair.py tests/functional/modules/test_schema_preflight.py
.PHONY: faults
faults: $(TEST)/.stamp ## strike at every place of a run, beside upstream's bare setup(), and print the table
	@$(WITH_TEST) LANGGRAPH_TEST_SCOPE=faults $(PYTEST) $(FAULTS) -n $(TEST_PROCESSES) --dist worksteal $(PYTEST_ARGS)

.PHONY: mutants
mutants: $(TEST)/.stamp ## plant faults that people make, one at a time, and report which of them the tests find
	@mkdir -p $(BUILD)
	@$(WITH_TEST) $(TEST)/bin/python tests/tools/mutants.py --jobs 2 --output $(BUILD)/mutants.json --compare tests/tools/mutants.json $(MUTANTS_ARGS)

.PHONY: bench
bench: $(TEST)/.stamp ## run the benchmarks
	@$(WITH_TEST) $(TEST)/bin/python bench $(BENCH_ARGS)

.PHONY: changelog
changelog: $(TEST)/.stamp ## write CHANGELOG.md from the fragments
	@$(WITH_TEST) $(TEST)/bin/antsibull-changelog release --update-existing

# Nothing is published: what goes to Galaxy is the archive that this leaves, and the tag is pushed by a person.
.PHONY: release
release: $(TEST)/.stamp $(IMPORTER)/.stamp ## build, check, changelog, commit and tag: VERSION=0.2.0
	@[[ "$(VERSION)" =~ ^[0-9]+\.[0-9]+\.[0-9]+$$ ]] || { echo "VERSION= is needed, such as VERSION=0.2.0; found '$(VERSION)'" >&2; exit 1; }
	@[[ -z "$$(git status --porcelain)" ]] || { echo "there are changes that are not committed: git status" >&2; exit 1; }
	@! git rev-parse -q --verify "refs/tags/$(VERSION)" >/dev/null || { echo "$(VERSION) is tagged already" >&2; exit 1; }
	@$(MAKE) --no-print-directory test-fresh
	@sed -i 's/^version: .*/version: $(VERSION)/' galaxy.yml
	@$(WITH_TEST) $(TEST)/bin/antsibull-changelog release --update-existing
	@$(MAKE) --no-print-directory test-lint test-importer
	@$(WITH_TEST) $(TEST)/bin/ansible-galaxy collection build --force --output-path $(BUILD)/release
	@git commit --quiet --all --message "Release $(VERSION)"
	@git tag --annotate "$(VERSION)" --message "Release $(VERSION)"
	@echo "tagged $(VERSION); the archive is $(BUILD)/release/stateops-langgraph-$(VERSION).tar.gz"

.PHONY: clean
clean: ## remove all that these commands made in the checkout; no server's data is here
	@rm -rf $(TOOLS) $(BUILD) tests/output .ansible
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
