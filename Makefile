# Every target makes the virtual environment that it needs; nothing has to be installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo photographs test check bench docs examples clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else \
	  f"Expected Python 3.11 to 3.13. Received: {sys.version.split()[0]} (make PYTHON=python3.12 chooses another)")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.user: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.user

$(VENV)/.align: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[align]'
	@touch $@ $(VENV)/.user

demo: $(VENV)/.user  ## complete the example faces with the bundled model, into demo-output/
	$(BIN)/complete-images --mask center --output demo-output/center --overwrite --grid examples
	$(BIN)/complete-images --mask-dir examples/masks --output demo-output/drawn --overwrite --grid examples
	@echo "Look at demo-output/center/grid.png and demo-output/drawn/grid.png: original, masked, completed."

photographs: $(VENV)/.align  ## complete the faces in the example photographs, into demo-output/photographs/
	for name in two old; do $(BIN)/complete-images --faces --mask-file examples/photographs/masks/$$name.png \
	  --output demo-output/photographs/$$name --overwrite --grid examples/photographs/$$name.jpg || exit; done
	@echo "Look at demo-output/photographs/two/grid.png and demo-output/photographs/old/grid.png."

test: $(VENV)/.dev  ## run the tests
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

check: $(VENV)/.dev  ## formatting, lint, types, the command line's reference, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python scripts/write_cli_reference.py --check
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

bench: export TF_CPP_MIN_LOG_LEVEL = 3
bench: $(VENV)/.dev  ## measure, in about two and a half hours; DATA=folder with faces-eval.zip
	@test -f "$(DATA)/faces-eval.zip" || { echo "Expected DATA=folder with faces-eval.zip. Received: DATA=$(DATA)"; exit 2; }
	$(BIN)/python scripts/bench_help.py
	$(BIN)/python scripts/bench_search.py
	$(BIN)/python scripts/bench_training.py
	$(BIN)/python scripts/bench_training.py --precision mixed_bfloat16 --tutorial-precision float32
	$(BIN)/python scripts/bench_memory.py
	$(BIN)/python scripts/bench_quality.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_encoder.py
	$(BIN)/python scripts/bench_ceiling.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_steps.py --faces $(DATA)/faces-eval.zip --count 48
	$(BIN)/python scripts/bench_auto.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_curvature.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_align.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_faces.py --faces $(DATA)/faces-eval.zip
	$(BIN)/python scripts/bench_photographs.py examples/photographs
	$(BIN)/python scripts/bench_memory.py --photograph-sides 512,2048,5500
	$(BIN)/python scripts/bench_blending.py --faces $(DATA)/faces-eval.zip --count 32

docs: $(VENV)/.dev  ## write docs/cli.md from the commands' --help
	$(BIN)/python scripts/write_cli_reference.py

clean:  ## remove what the targets made
	rm -rf $(VENV) demo-output build *.egg-info
