# Everything a person starts by hand. `make demo` on a fresh Debian machine is the place to begin.
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.made-for-$(shell cat constraints.txt pyproject.toml | sha256sum | cut -c1-16)

.PHONY: help setup demo test bench vm-test screenshots install uninstall constraints clean

help:
	@echo "make demo         a whole virtual store on this machine; prints the addresses to open"
	@echo "make test         linters, types and all tests"
	@echo "make bench        every benchmark"
	@echo "make vm-test      the appliance in a virtual machine with simulated radios"
	@echo "make screenshots  the pictures of the README, anew"
	@echo "make install      (root) turns this machine into the store's router; make uninstall puts it back"

setup: $(STAMP)

$(STAMP): constraints.txt pyproject.toml tests/setup.sh
	@tests/setup.sh $(VENV)
	@rm -f $(VENV)/.made-for-*
	@touch $@

demo: setup
	@$(PYTHON) -m tests.lab.demo $(ARGUMENTS)

test: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PYTHON) -m tests $(ARGUMENTS)

bench: setup
	@$(PYTHON) -m tests.bench

vm-test: setup
	@$(PYTHON) -m tests.vm

screenshots: setup
	@$(PYTHON) -m tests.browser.screenshots

install:
	@systemd/install.sh

uninstall:
	@systemd/uninstall.sh

# Renews the tested versions: the newest of everything, to be committed once `make test` has passed with them.
constraints: setup
	@$(VENV)/bin/pip install --quiet --upgrade --upgrade-strategy eager --editable '.[dev]'
	@{ head -n 1 constraints.txt; $(VENV)/bin/pip freeze --exclude-editable; } > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
