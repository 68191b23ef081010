# Every target builds the virtualenv that it needs. A virtualenv is built again if its file in requirements/ changes.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Any Python from 3.11 to 3.13.
PYTHON ?= python3
# An inventory file or directory. Without it, provision sets up the embedded server on this machine.
INVENTORY ?=
# Additional arguments of ansible-playbook, such as --check or -e @variables.yml.
ANSIBLE_ARGS ?=
# Directories or files with tests, for test and test-all. The default is all tests.
TESTS ?=
# Additional arguments of pytest, such as -k parity or -x.
PYTEST_ARGS ?=
# The number of processes that run tests in parallel. With 0, only pytest's own process runs them, as a debugger requires.
# The default is higher than the number of cores, because tests also wait for locks, timeouts and servers.
TEST_PROCESSES ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
# The version of ansible-core for test-core. It must have a file in requirements/.
CORE ?= 2.18
# The name of a scenario. The default is all scenarios.
SCENARIO ?=

TOOLS := $(CURDIR)/.venv
BUILD := $(CURDIR)/.build
TEST := $(BUILD)/test
IMPORTER := $(BUILD)/importer

# Warnings about the pip settings of this machine are not related to this project. Errors are still shown.
PIP := -m pip install -qq --disable-pip-version-check
PLAYBOOK := ANSIBLE_CONFIG=$(CURDIR)/ansible.cfg $(TOOLS)/bin/ansible-playbook
ifeq ($(INVENTORY),)
# Without an inventory, the playbooks use this machine, so Ansible's warnings about a missing inventory are disabled.
PLAYBOOK := ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_INVENTORY_UNPARSED_WARNING=0 $(PLAYBOOK)
else
PLAYBOOK += -i $(INVENTORY)
endif
PYTEST := $(TEST)/bin/python -m pytest -q
# One process runs all tests of a file, because they share fixtures.
PARALLEL := -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
# The programs of the tests' environment come first in PATH.
WITH_TEST := PATH=$(TEST)/bin:$$PATH

# $(call virtualenv,DIRECTORY,REQUIREMENTS): an incomplete virtualenv has no stamp and is built again.
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

$(BUILD)/lock/.stamp: requirements/lock.txt
	$(call virtualenv,$(@D),$<)

# Without this check, pip would only report that this release of the package ansible does not exist.
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
	@echo "  SCENARIO=default CORE=2.18                 for molecule; without CORE with the tests' own ansible-core"
	@echo "  PYTHON=python3.12                          for all of them"

.PHONY: provision verify stop
provision: $(TOOLS)/.stamp ## install the checkpointer, create its schema, verify parity
	@$(PLAYBOOK) playbooks/provision.yml $(ANSIBLE_ARGS)

verify: $(TOOLS)/.stamp ## read the current schema, and fail on drift
	@$(PLAYBOOK) playbooks/verify.yml $(ANSIBLE_ARGS)

stop: $(TOOLS)/.stamp ## stop the embedded server; its data is kept
	@$(PLAYBOOK) playbooks/embedded_postgres.yml -e embedded_postgres_state=stopped $(ANSIBLE_ARGS)

# $(call tests,SCOPE): the static checks run in parallel with pytest, whose summary is the last line. With TESTS or PYTEST_ARGS, they are omitted.
define tests
@mkdir -p $(BUILD)
@checks=; trap '[[ -z $$checks ]] || kill $$checks 2>/dev/null || true' EXIT; \
$(if $(PYTEST_ARGS)$(TESTS),,$(MAKE) --no-print-directory test-static >$(BUILD)/static.log 2>&1 & checks=$$!;) \
status=0; $(WITH_TEST) LANGGRAPH_TEST_SCOPE=$(1) $(PYTEST) $(or $(TESTS),tests/functional tests/unit) $(PARALLEL) $(PYTEST_ARGS) 2>&1 | tee $(BUILD)/pytest.log || status=1; \
if [[ $$checks ]]; then wait $$checks || status=1; checks=; echo; cat $(BUILD)/static.log; tail -n 1 $(BUILD)/pytest.log; fi; \
exit $$status
endef

.PHONY: test test-all
test: $(TEST)/.stamp $(IMPORTER)/.stamp ## run the usual checks for a change: static checks, unit tests, functional tests on the newest server
	$(call tests,usual)

test-all: $(TEST)/.stamp $(IMPORTER)/.stamp ## run all tests that need no container, on every server version and with every variant
	$(call tests,all)

.PHONY: test-unit test-functional test-build test-static test-lint lint test-sanity test-importer test-fresh
test-unit: $(TEST)/.stamp ## run the unit tests
	@$(WITH_TEST) $(PYTEST) tests/unit $(PYTEST_ARGS)

test-functional: $(TEST)/.stamp ## run modules, roles and playbooks on real PostgreSQL servers
	@$(WITH_TEST) $(PYTEST) tests/functional $(PARALLEL) $(PYTEST_ARGS)

test-build: $(TEST)/.stamp ## build the archive, check its contents, install it and run it
	@$(WITH_TEST) LANGGRAPH_TEST_SCOPE=all $(PYTEST) tests/functional/packaging/test_archive.py $(PYTEST_ARGS)

test-static: test-lint test-sanity test-importer ## run all checks that do not use pytest

lint: test-lint

test-lint: $(TEST)/.stamp ## run ruff, mypy, yamllint, ansible-lint (production) and the check of the changelog
	@$(TEST)/bin/ruff check --quiet
	@$(TEST)/bin/ruff format --check --quiet
	@$(TEST)/bin/mypy --python-executable $(TEST)/bin/python
	@$(TEST)/bin/yamllint --strict .
	@$(WITH_TEST) $(TEST)/bin/antsibull-changelog lint
	@$(WITH_TEST) $(TEST)/bin/ansible-lint --offline -q

test-sanity: $(TEST)/.stamp ## run all tests of ansible-test sanity
	@$(TEST)/bin/python tests/tools/sanity.py $(BUILD)/sanity

test-importer: $(TEST)/.stamp $(IMPORTER)/.stamp ## run Galaxy's import checks; a warning fails
	@$(IMPORTER)/bin/python tests/tools/importer.py $(BUILD)/import $(TEST)/lib/python3.*/site-packages

test-fresh: ## run provision and test on bare Debian 12 and 13 in containers, as root and as an ordinary user
	@$(PYTHON) tests/tools/fresh.py

# ansible-core 2.20 and newer need Python 3.12 or newer on the controller: make test-core CORE=2.21 PYTHON=python3.13
CORE_ENV = $(BUILD)/core-$(CORE)
.PHONY: test-core
test-core: $(BUILD)/core-$(CORE)/.stamp ## run sanity, unit and functional tests on another ansible-core: CORE=2.18
	@$(CORE_ENV)/bin/python tests/tools/sanity.py $(BUILD)/sanity-$(CORE)
	@PATH=$(CORE_ENV)/bin:$$PATH $(CORE_ENV)/bin/python -m pytest -q tests/unit tests/functional $(PARALLEL) $(PYTEST_ARGS)

# Uses the ansible-core of the tests' environment, or another version: make molecule CORE=2.18 SCENARIO=default
MOLECULE_ENV = $(if $(filter command environment,$(firstword $(origin CORE))),$(CORE_ENV),$(TEST))
.PHONY: molecule molecule-destroy
molecule: $(MOLECULE_ENV)/.stamp ## run the Molecule scenarios
	@PATH=$(MOLECULE_ENV)/bin:$$PATH $(MOLECULE_ENV)/bin/molecule test $(if $(SCENARIO),--scenario-name $(SCENARIO),--all)

# Only needed after an interrupted run: a complete run removes its containers itself.
molecule-destroy: $(MOLECULE_ENV)/.stamp ## remove the containers and networks of the scenarios
	@PATH=$(MOLECULE_ENV)/bin:$$PATH $(MOLECULE_ENV)/bin/molecule destroy $(if $(SCENARIO),--scenario-name $(SCENARIO),--all)

.PHONY: docs
docs: $(BUILD)/docs/.stamp ## build the documentation and check it; a warning fails
	@$(BUILD)/docs/bin/python tests/tools/site.py $(BUILD)/site

# Two test files of the modules also add rows to the table.
FAULTS := tests/functional/faults tests/functional/modules/test_schema_repair.py tests/functional/modules/test_schema_preflight.py
.PHONY: faults
faults: $(TEST)/.stamp ## inject faults at every point of a run and of upstream's setup(), and print the table
	@$(WITH_TEST) LANGGRAPH_TEST_SCOPE=faults $(PYTEST) $(FAULTS) -n $(TEST_PROCESSES) --dist worksteal $(PYTEST_ARGS)

.PHONY: mutants
mutants: $(TEST)/.stamp ## apply the mutations of tests/tools/mutants.yml, one at a time, and report which of them the tests find
	@mkdir -p $(BUILD)
	@$(WITH_TEST) $(TEST)/bin/python tests/tools/mutants.py --jobs 2 --output $(BUILD)/mutants.json --compare tests/tools/mutants.json $(MUTANTS_ARGS)

.PHONY: bench
bench: $(TEST)/.stamp ## run the benchmarks
	@$(WITH_TEST) $(TEST)/bin/python bench $(BENCH_ARGS)

.PHONY: requirements
requirements: $(BUILD)/lock/.stamp ## write the roles' requirements files with hashes, after a change of their versions
	@$(BUILD)/lock/bin/python tests/tools/lock.py

.PHONY: changelog
changelog: $(TEST)/.stamp ## write CHANGELOG.md from the fragments
	@$(WITH_TEST) $(TEST)/bin/antsibull-changelog release --update-existing --refresh --reload-plugins

# Publishes nothing: upload the resulting archive to Galaxy and push the tag manually.
.PHONY: release
release: $(TEST)/.stamp $(IMPORTER)/.stamp ## build, check, changelog, commit and tag: VERSION=0.2.0
	@[[ "$(VERSION)" =~ ^[0-9]+\.[0-9]+\.[0-9]+$$ ]] || { echo "VERSION= is needed, such as VERSION=0.2.0; found '$(VERSION)'" >&2; exit 1; }
	@[[ -z "$$(git status --porcelain)" ]] || { echo "there are changes that are not committed: git status" >&2; exit 1; }
	@! git rev-parse -q --verify "refs/tags/$(VERSION)" >/dev/null || { echo "$(VERSION) is tagged already" >&2; exit 1; }
	@$(MAKE) --no-print-directory test-fresh
	@sed -i 's/^version: .*/version: $(VERSION)/' galaxy.yml
	@$(MAKE) --no-print-directory changelog
	@$(MAKE) --no-print-directory test-lint test-importer
	@$(WITH_TEST) $(TEST)/bin/ansible-galaxy collection build --force --output-path $(BUILD)/release
	@git commit --quiet --all --message "Release $(VERSION)"
	@git tag --annotate "$(VERSION)" --message "Release $(VERSION)"
	@echo "tagged $(VERSION); the archive is $(BUILD)/release/stateops-langgraph-$(VERSION).tar.gz"

.PHONY: clean
clean: ## remove everything that these commands created in the checkout; it contains no server's data
	@rm -rf $(TOOLS) $(BUILD) tests/output .ansible
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
