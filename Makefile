# make demo     environment, practice case, whole review: leaves demo/ with scene.mrb, report.html, tables and pictures
# make test     environment, then ruff, mypy and every test tier
# make lint     ruff and mypy only
# make install  the environment only (.venv)
# make pack     pack/: all that training reads (at most 50 MB), from DATA, the folder of public volumes with split.json
# make clean    removes the environment and what demo and tests left
#
# Settings:  PYTHON=python3.12       the interpreter (3.11 or 3.12)
#            TORCH_SPEC=torch==2.13.0  what pip is asked for; pip takes the build its index offers
#            PIP_ARGS="--no-index --find-links wheels"   more words for pip
#            PYTEST_ARGS="Testing/library -x"            more words for pytest

SHELL := /bin/bash
VENV ?= .venv
TORCH_SPEC ?= torch==2.13.0
PIP_ARGS ?=
PYTEST_ARGS ?=
DEMO ?= demo
DATA ?= ../shared/data
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

ifndef PYTHON
PYTHON := $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' >/dev/null 2>&1 && echo $$p && break; done)
endif

export QT_QPA_PLATFORM ?= offscreen
export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: demo test lint install pack clean

demo: $(INSTALLED)
	$(PY) -m BrainMetsAILib.cli.demo -o $(DEMO)

test: lint
	$(PY) -m pytest $(PYTEST_ARGS)

lint: $(INSTALLED)
	$(PY) -m ruff check .
	$(PY) -m mypy

pack: $(INSTALLED)
	$(PY) -m BrainMetsAILib.training.packing $(DATA) pack

install: $(INSTALLED)

$(INSTALLED): pyproject.toml Testing/system_libraries.py
	@test -n "$(PYTHON)" || { echo "BrainMetsAI needs Python 3.11 or 3.12 and found neither: install one (Debian/Ubuntu: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12 install" >&2; exit 1; }
	@$(PYTHON) Testing/system_libraries.py
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --disable-pip-version-check $(PIP_ARGS) $(TORCH_SPEC) -e '.[run,dev,training]'
	@# nnU-Net's network for comparisons; what else that package asks for (timm) would bring torchvision, and the network needs none of it
	$(PY) -m pip install --disable-pip-version-check $(PIP_ARGS) --no-deps dynamic-network-architectures==0.4.4
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO) build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info BrainMetsAI/*.egg-info
	find BrainMetsAI BrainMetsAIResponse Testing -name __pycache__ -type d -prune -exec rm -rf {} +
