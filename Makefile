# Every target makes the virtual environment that it needs; nothing has to be installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
# `auto` is as many processes as cores and memory allow: see tests/conftest.py. PYTEST_OPTIONS='-n 1' overrides it.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal

.PHONY: help demo photographs web web-test test test-all lint check dist bench docs docs-site reference constraints hashes clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else \
	  f"Expected Python 3.11 to 3.13. Received: {sys.version.split()[0]} (make PYTHON=python3.12 chooses another)")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.user: $(VENV)/.python pyproject.toml constraints.txt
	$(INSTALL) .
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	$(INSTALL) '.[dev]'
	@touch $@ $(VENV)/.user $(VENV)/.web $(VENV)/.docs

demo: $(VENV)/.user  ## complete the example faces with the bundled model, into demo-output/
	$(BIN)/complete-images --mask center --output demo-output/center --overwrite --sheet examples
	$(BIN)/complete-images --mask-dir examples/masks --output demo-output/drawn --overwrite --sheet examples
	@echo "Look at demo-output/center/sheet.png and demo-output/drawn/sheet.png: original, masked, completed."

photographs: $(VENV)/.user  ## complete the faces in the example photographs, into demo-output/photographs/
	for name in two old; do $(BIN)/complete-images --faces --mask-file examples/photographs/masks/$$name.png \
	  --output demo-output/photographs/$$name --overwrite --sheet examples/photographs/$$name.jpg || exit; done
	@echo "Look at demo-output/photographs/two/sheet.png and demo-output/photographs/old/sheet.png."

$(VENV)/.web: $(VENV)/.python pyproject.toml constraints.txt
	$(INSTALL) '.[web]'
	@touch $@ $(VENV)/.user

web: $(VENV)/.web  ## open the page that completes photographs, http://127.0.0.1:7860/
	$(BIN)/complete-web

web-test: $(VENV)/.dev  ## install Debian's Chromium where there is none, and drive the page with it
	command -v chromium || { apt-get update && apt-get install --yes chromium; }
	$(BIN)/python -m pytest -m '' tests/completion/web

test: $(VENV)/.dev  ## run the tests
	$(PYTEST) $(PYTEST_OPTIONS)

test-all: $(VENV)/.dev  ## the tests with all their variants (marked exhaustive)
	$(PYTEST) -m '' $(PYTEST_OPTIONS)

lint: $(VENV)/.dev  ## formatting, lint, types, and whether docs/cli.md is up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python scripts/write_cli_reference.py --check

build/tools/.done: $(VENV)/.python
	$(PYTHON) -m venv --clear build/tools
	build/tools/bin/python -m pip install --quiet --disable-pip-version-check build twine check-wheel-contents uv
	@touch $@

dist: build/tools/.done  ## build wheel and source archive into dist/, check them, install the wheel elsewhere and use it
	rm -rf dist build/lib build/bdist.*
	build/tools/bin/python -m build --outdir dist
	build/tools/bin/twine check --strict dist/*
	build/tools/bin/check-wheel-contents --ignore W002 --toplevel completion,dcgan,masks dist/*.whl
	$(BIN)/python scripts/try_dist.py

check: lint test  ## all of it: what continuous integration runs

bench: export TF_CPP_MIN_LOG_LEVEL = 3
bench: $(VENV)/.dev  ## measure, in about two and a half hours; DATA=folder with faces-eval.zip
	@test -f "$(DATA)/faces-eval.zip" || { echo "Expected DATA=folder with faces-eval.zip. Received: DATA=$(DATA)"; exit 2; }
	$(BIN)/python scripts/bench_help.py
	$(BIN)/python scripts/bench_start.py
	$(BIN)/python scripts/bench_search.py
	$(BIN)/python scripts/bench_training.py
	$(BIN)/python scripts/bench_training.py --precision mixed_bfloat16 --tutorial-precision float32
	$(BIN)/python scripts/bench_memory.py
	$(BIN)/python scripts/bench_quality.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_encoder.py
	$(BIN)/python scripts/bench_ceiling.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_auto.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_align.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_tones.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_faces.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_mode.py --faces $(DATA)/faces-eval.zip --photographs examples/photographs
	$(BIN)/python scripts/bench_large_holes.py --photograph examples/photographs/astronaut.jpg
	$(BIN)/python scripts/bench_tolerance.py --photograph examples/photographs/astronaut.jpg
	$(BIN)/python scripts/bench_photographs.py examples/photographs
	$(BIN)/python scripts/bench_folder.py
	$(BIN)/python scripts/bench_memory.py --photograph-sides 512,2048,5500
	$(BIN)/python scripts/bench_exports.py $(DATA)/faces-eval.zip --model faces-64
	$(BIN)/python scripts/bench_blending.py --faces $(DATA)/faces-eval.zip --count 32

$(VENV)/.docs: $(VENV)/.python pyproject.toml constraints.txt
	$(INSTALL) '.[docs]'
	@touch $@ $(VENV)/.user

docs: $(VENV)/.docs  ## serve the documentation's site, http://127.0.0.1:8000/
	$(BIN)/python -m zensical serve --dev-addr 127.0.0.1:8000

docs-site: $(VENV)/.docs  ## build it into build/site; warnings, dead links and anchors and foreign hosts are errors
	$(BIN)/python -m zensical build --strict --clean
	$(BIN)/python scripts/check_site.py build/site

reference: $(VENV)/.dev  ## write docs/cli.md from the commands' --help
	$(BIN)/python scripts/write_cli_reference.py

constraints: $(VENV)/.python  ## write the newest versions that pyproject.toml allows to constraints.txt; make check tries them
	$(PYTHON) -m venv --clear build/newest
	build/newest/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	{ grep '^#' constraints.txt; build/newest/bin/python -m pip freeze --exclude-editable | grep '=='; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	$(MAKE) hashes

hashes: build/tools/.done  ## write requirements-ci.txt: these versions with the hashes of their files
	build/tools/bin/uv pip compile pyproject.toml --extra dev --constraint constraints.txt --generate-hashes --universal \
	  --python-version 3.11.5 --no-header --quiet --output-file build/requirements-ci.txt
	{ echo '# Written by make hashes from constraints.txt; for pip install --require-hashes.'; \
	  cat build/requirements-ci.txt; } > requirements-ci.txt

clean:  ## remove what the targets made
	rm -rf $(VENV) demo-output build *.egg-info
