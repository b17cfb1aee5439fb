# Needs python3 (3.11 or later) with its venv module; everything else goes into .venv.
# PYTHON picks another interpreter: make test PYTHON=python3.12
PYTHON ?= python3
RUN := .venv/bin/python

# A .venv belongs to one interpreter and one folder: changed or moved, it is made again.
KEY := $(shell $(PYTHON) -c 'import os, sys, zlib; \
	place = zlib.crc32(sys.base_prefix.encode() + os.getcwdb()); \
	print("%d.%d.%d-%08x" % (*sys.version_info[:3], place) if sys.version_info >= (3, 11) else "")')
READY := .venv/ready-$(KEY)
# Two makes at once take turns, where the machine has flock.
LOCK := $(if $(shell command -v flock),flock pyproject.toml)

.NOTPARALLEL:
.PHONY: help demo test test-peers fuzz test-browser coverage gallery mutate lint bench clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 8

demo: $(READY)/demo  ## draw and train the examples, pictures into out/
	@mkdir -p out
	$(RUN) examples/lecture.py
	$(RUN) examples/digits.py
	@echo 'The pictures are in $(CURDIR)/out:'
	@ls out

# By file, in which what its tests share is made once; and after each test xdist goes through all
# that it handed out, file by file or else test by test.
test: $(READY)/test  ## run every test and every notebook
	$(RUN) -m pytest -n auto --dist loadfile

test-peers: $(READY)/peers $(READY)/test  ## compare derivatives with PyTorch's and JAX's
	$(RUN) -m pytest tests/peers

# COUNT programs from SEED on, as many as fit into SECONDS; JAX takes part in one of every JAX.
COUNT ?= 1000
SEED ?= 0
SECONDS ?= 300
JAX ?= 9
fuzz: $(READY)/peers $(READY)/test  ## run random programs beside PyTorch and JAX: COUNT= SEED= SECONDS=
	PYTHONPATH=tests $(RUN) tests/peers/fuzz.py \
		--count $(COUNT) --seed $(SEED) --seconds $(SECONDS) --jax $(JAX)

test-browser: $(READY)/browser $(READY)/test  ## open pages of the viewer in Chromium
	$(RUN) -m pytest tests/browser

gallery: $(READY)/demo  ## draw the pictures of docs/gallery.md
	$(RUN) examples/gallery.py docs/pictures/gallery

coverage: $(READY)/test  ## call every function of NumPy on tensors, write docs/coverage.md
	$(RUN) -m tests.numpy_coverage

mutate: $(READY)/test  ## make gradient rules wrong, see that the checks notice
	$(RUN) -m tests.mutation $(MUTATE)

lint: $(READY)/dev  ## check format, style and types
	$(RUN) -m ruff format --check
	$(RUN) -m ruff check
	$(RUN) -m mypy -p tinygraph

bench: $(READY)/peers  ## time an operation, then eight workloads, beside other engines
	$(RUN) benchmarks/overhead.py
	$(RUN) -m benchmarks

clean:  ## remove .venv and all that was generated
	rm -rf .venv out build dist *.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ready-KEY holds one stamp per installed extra. It is out of the way while pip works, so that
# what an interrupted install left behind is never taken for an environment.
$(READY)/%: pyproject.toml
	@$(if $(KEY),,$(error $(PYTHON) is not Python 3.11 or later; name one: make PYTHON=python3.x))
	@echo 'Installing tinygraph[$*] into .venv'
	@$(LOCK) sh -ec '\
		if test $@ -nt pyproject.toml; then exit; fi; \
		if ! test -d $(READY); then \
			rm -rf .venv/ready-* .venv/busy; \
			$(PYTHON) -m venv --clear .venv; \
			mkdir $(READY); \
		fi; \
		mv $(READY) .venv/busy; \
		$(RUN) -m pip install -qq --disable-pip-version-check --editable ".[$*]"; \
		touch .venv/busy/$*; \
		mv .venv/busy $(READY)'
