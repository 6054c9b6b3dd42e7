# Every target sets up .venv/ by itself. On Windows without make: see environment.yml.
.DEFAULT_GOAL := help
.PHONY: help setup lab demo test environments build docs slides

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AT_LEAST_311 := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,$(shell $(name) -c '$(AT_LEAST_311)' 2>/dev/null && echo $(name))))
# A second package index: INDEX=https://download.pytorch.org/whl/cpu leaves out the CUDA libraries on Linux.
INDEX ?=
LAB_ARGS ?=
PYTEST_ARGS ?= -n 2

help:
	@echo "make demo    build the labs, make a small class, grade it, show the results"
	@echo "make test    everything that CI runs"
	@echo "make lab     JupyterLab on the labs"
	@echo "make environments  the tests with Colab's versions and with the oldest ones"
	@echo "make docs    the book: a static site, in build/book/html/"
	@echo "make slides  the lectures as slides, in build/slides/"
	@echo "make build   the notebooks, from their text sources"
	@echo "make setup   only the environment, in $(VENV)/"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found. Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV)/ (several minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --no-warn-script-location $(if $(INDEX),--extra-index-url $(INDEX)) -e '.[dev]' -c constraints.txt
	@touch $@

lab: $(READY)
	JUPYTER_PREFER_ENV_PATH=1 JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" $(BIN)/jupyter lab --ServerApp.root_dir=. \
	    --LabApp.default_url=/lab/tree/labs --LabApp.news_url=None \
	    --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
	    $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS)

demo: $(READY)
	@$(BIN)/python -m course_staff.demo

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/course build --check
	$(BIN)/pytest $(PYTEST_ARGS)

# Minutes and 12 GB: the course in Colab's situation, and with the oldest versions that pyproject.toml names.
environments: $(READY)
	$(BIN)/pytest -m environments tests/environments

build: $(READY)
	$(BIN)/course build

docs: $(READY)
	@$(BIN)/python docs/book/build.py html

slides: $(READY)
	@$(BIN)/python docs/book/build.py slides
