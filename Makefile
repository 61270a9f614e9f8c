# One command for each thing that a person does here. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Without .pyc files every start of Ansible takes half a second more.
unexport PYTHONDONTWRITEBYTECODE
export LC_ALL := C.UTF-8
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Lines appear when they happen, in a pipe too.
export PYTHONUNBUFFERED := 1

# As root nothing; else sudo, and the question for its password only where it asks one.
BECOME = $(shell [ "$$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && echo --become || echo --become --ask-become-pass; })
AS_DOCKER_USER = $(shell docker info >/dev/null 2>&1 || [ "$$(id -u)" = 0 ] || echo sudo)
PYTEST = python -m pytest -n 2 -q
# Two of those joined by + are made at a time; see tools/parts.
PARTS = setup docker sanity+unit+lint+awx+runner+browser+conformance+hosts+monitoring-lab+eda+build+shipped+docs molecule acceptance

.PHONY: help
help: ## List the commands
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1|\2/p' Makefile | while IFS='|' read -r name text; do printf 'make %-13s %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: ## Make the environment from the lock (again: nothing)
	@tools/setup

.PHONY: lock
lock: setup ## Resolve requirements/dev.in anew into the lock
	.venv-uv/bin/uv pip compile -q --universal --python-version 3.11 --no-header requirements/dev.in -o requirements/dev.txt
	.venv-uv/bin/uv pip compile -q --python-version 3.13 --python-platform x86_64-manylinux_2_28 --no-header requirements/locust.in -o requirements/locust.txt

.PHONY: docker
docker: setup ## Install and start Docker where none answers (role docker_host)
	ansible-playbook -i localhost, -c local $(BECOME) tools/docker.yml

.PHONY: practice
practice: setup docker ## Build and start the practice registry and images
	$(AS_DOCKER_USER) practice/up

.PHONY: demo
demo: setup ## From a bare machine to a verified fleet of eight (CORRAL_IMAGE=…, CORRAL_REGISTRY=public)
	@if [ "$${CORRAL_REGISTRY:-practice}" = practice ] || [ -z "$${CORRAL_IMAGE:-}" ]; then $(MAKE) practice; else $(MAKE) docker; fi
	ansible-playbook -i inventories/local $(BECOME) corral.ollama.site

.PHONY: demo-down
demo-down: setup ## Remove the demo's fleet, its store and the practice fleet
	ansible-playbook -i inventories/local $(BECOME) corral.ollama.teardown -e corral_remove_store=true
	$(AS_DOCKER_USER) practice/down

.PHONY: lint
lint: setup ## Style, types, documentation, changelog
	yamllint --strict .
	ruff check .
	ruff format --check .
	mypy
	shellcheck $$(git ls-files -co --exclude-standard | xargs -r grep -lE '^#!.*\b(ba)?sh\b' 2>/dev/null)
	ansible-lint
	antsibull-changelog lint
	antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .

.PHONY: unit
unit: setup ## Unit, kill, property and contract tests: no Docker
	$(PYTEST) tests/unit tests/killed tests/property tests/contract

.PHONY: coverage
coverage: setup ## The unit tests again, with what they leave out
	coverage run -m pytest -q tests/unit
	coverage report

.PHONY: conformance
# One practice registry of their own for all of tests/practice: they take turns.
conformance: practice ## The practice fleet against the recordings of the real server
	$(PYTEST) tests/conformance
	python -m pytest -q tests/practice

.PHONY: eda
eda: practice ## From an alert to its repair, with ansible-rulebook (Java is installed when it is missing)
	@tools/java > /dev/null
	practice/up --monitoring
	python -m pytest -q tests/eda

.PHONY: browser
browser: setup ## The pages as a reader sees them, in Debian's Chromium (installed when it is missing)
	@tools/chromium
	python -m pytest -q tests/browser

.PHONY: monitoring-lab
monitoring-lab: practice ## Every fault of the practice server, seen by verify, a metric and an alert
	practice/up --monitoring
	python -m pytest -q -s tests/monitoring

.PHONY: awx
awx: setup ## AWX configured for real by awx.awx against a stand-in, on the ansible-core whose package has it
	@tools/awx

.PHONY: runner
runner: practice ## A job as AWX runs it, cancelled while its work goes on on the host, and launched again, by ansible-runner
	python -m pytest -q tests/runner/test_cancelled.py

.PHONY: runner-all
runner-all: practice ## Every job template as AWX runs it, by ansible-runner on a practice fleet
	$(AS_DOCKER_USER) practice/up --load
	python -m pytest -q tests/runner

.PHONY: execution-environment
execution-environment: practice ## Build the image in which AWX runs the jobs on a local base, and run a job in it
	$(AS_DOCKER_USER) practice/up --images-only --python
	python -m pytest -q tests/execution_environment

.PHONY: sanity
sanity: setup ## ansible-test sanity with every supported ansible-core; units on the other cores and the oldest Python
	tools/sanity

.PHONY: hosts
hosts: setup docker ## Build the images of the hosts on which Molecule tests
	$(AS_DOCKER_USER) practice/up --hosts

.PHONY: molecule
molecule: setup docker ## What has to hold after every change and a scenario in turn, on hosts with an engine of their own
	$(AS_DOCKER_USER) molecule/run

.PHONY: molecule-all
molecule-all: setup docker ## Every Molecule scenario
	$(AS_DOCKER_USER) molecule/run --all

.PHONY: acceptance
acceptance: setup docker ## The two commands as promised: demo, demo again, demo-down
	python -m pytest -q tests/acceptance

.PHONY: build
build: setup ## Build the collection and import it as Galaxy would
	rm -rf dist
	ansible-galaxy collection build --output-path dist
	# `make lint` asks more of ansible-lint than the importer, which only shows what it says.
	cd dist && GALAXY_IMPORTER_RUN_ANSIBLE_LINT=false python -m galaxy_importer.main *.tar.gz

.PHONY: shipped
shipped: practice ## The tarball in an environment that holds nothing else, on every supported ansible-core
	python -m pytest -q tests/release

.PHONY: docs
docs: setup ## The reference pages, by antsibull-docs and Sphinx, into build/docs/html
	rm -rf build/docs
	mkdir -p build/docs && install -d -m 0755 build/docs/rst
	antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --cleanup everything --dest-dir build/docs/rst corral.ollama
	sphinx-build -q -W --keep-going -b html -c docs/docsite build/docs/rst build/docs/html

.PHONY: readmes
readmes: setup ## Write the roles' README files and the README's tables from the code
	python tools/role_readmes.py
	python tools/readme_tables.py

.PHONY: dashboard
dashboard: setup ## Write the Grafana dashboard from tools/dashboard.yml
	python tools/dashboard.py

.PHONY: test
test: ## Everything, with a summary at the end
	@MAKE="$(MAKE)" tools/parts $(PARTS)
