# Twinpool: one Django image as two pools behind one edge. Knobs are listed in docker/twinpool.env: make deploy PORT=8081
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
export TWINPOOL_MAKE := $(MAKEOVERRIDES)

PYTHON := .venv/bin/python
PLAY = @$(PYTHON) ansible/play.py

##@ The site
deploy: .venv/deploy ## build, start and prove a release; repeat it after every change
	$(PLAY) deploy
rollback: .venv/deploy ## go back to the release before
	$(PLAY) rollback
status: .venv/deploy ## pools, health, release, open sockets and streams, hand-overs
	$(PLAY) status
image: .venv/deploy ## build the images, deploy nothing
	$(PLAY) image
url: .venv/deploy ## print the site's address
	$(PLAY) url
logs: .venv/deploy ## what edge and pools write (ARGS=--follow)
	$(PLAY) logs
down: .venv/deploy ## stop the site, keep its data
	$(PLAY) down
destroy: .venv/deploy ## remove the site with its data (asks; YES=1 without a terminal)
	$(PLAY) destroy

##@ Servers
provision: .venv/deploy ## bare servers of an inventory to ready; then every verb takes INVENTORY=…
	$(PLAY) provision

backup: .venv/deploy ## one more backup of the database now (BACKUP=… names the folder, then deploy)
	$(PLAY) backup
restore: .venv/deploy ## the database as it was, and the site on it (FROM='2026-11-27 18:00:00', or latest)
	$(PLAY) restore

##@ The project in it
manage: .venv/deploy ## manage.py in the running release (ARGS=createsuperuser)
	$(PLAY) manage
shell: .venv/deploy ## a Django shell in the running release
	$(PLAY) shell
check: .venv/deploy ## what of the project's settings would not work here, and what the kit changes
	$(PLAY) check
routes: .venv/deploy ## each view with its pool
	$(PLAY) routes
conformance: .venv/test ## prove every promise of the edge against the running site
	$(PLAY) conformance

##@ Kubernetes, to try it on
cluster: .venv/test ## a local cluster, by kind or built from source; kubectl apply -k k8s/overlays/trial
	@$(PYTHON) tests/k8s/cluster/cluster.py up --or-kind
cluster-down: .venv/test ## remove it; what was built stays
	@$(PYTHON) tests/k8s/cluster/cluster.py down

##@ The kit itself
test: .venv/test ## every suite, or one folder of tests/ (SUITE=nginx)
	@$(PYTHON) tests/run.py $(SUITE)
lint: .venv/test ## ruff, mypy, hadolint, gixy, yamllint, ansible-lint
	@$(PYTHON) tests/lint.py
format: .venv/test ## put the Python in order
	@.venv/bin/ruff check --quiet --fix . ; .venv/bin/ruff format .
lock: .venv/test ## newest versions within the ranges, with hashes
	@$(PYTHON) tests/lock.py

.venv/deploy: ansible/requirements.txt
	@python3 ansible/install.py ansible/requirements.txt $@
.venv/test: tests/requirements.txt .venv/deploy
	@python3 ansible/install.py tests/requirements.txt $@

help:
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: backup restore deploy rollback status image url logs down destroy manage shell check routes conformance cluster cluster-down test lint format lock help
