PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READERS := .venv-readers
JOBS ?= 3

.PHONY: setup demo test test-slow readers fuzz torture lint format docs bench gpu clean

setup: $(VENV)/ready

# The constraints pin torch: an open range would bring whatever build is newest.
$(VENV)/ready: setup.cfg setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@

demo: setup
	$(BIN)/l4f-datagen generate --n 256 --out demo/shards
	$(BIN)/l4f-datagen preview demo/shards --out demo/sheet.png

# Files of tests run side by side; JOBS=0 runs one test after the other.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n $(JOBS) --dist loadfile

test-slow: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

# Other programs read one data set; one that cannot be installed, or reads something else, is named and ends it.
readers: $(READERS)/ready
	OMP_NUM_THREADS=1 $(READERS)/bin/python -m tests.readers $(READERS)/missing

# Some ask for old versions of OpenCV, NumPy or transformers that they do not need: these come without what they ask for.
$(READERS)/ready: setup.cfg setup.py constraints.txt tests/readers/apart.txt
	$(PYTHON) -m venv $(READERS)
	$(READERS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[readers]"
	rm -f $(READERS)/missing
	for package in $$(cat tests/readers/apart.txt); do \
		$(READERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $$package \
			2> $(READERS)/error || echo "$$package: $$(grep ERROR $(READERS)/error | tail -n 1)" >> $(READERS)/missing; \
	done
	touch $@

fuzz: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --count 10000

torture: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.torture 50

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Strict: a link or an anchor that leads nowhere ends it. Nothing is fetched, neither now nor by a reader.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: setup
	$(BIN)/python -m benchmarks.render
	$(BIN)/python -m benchmarks.synthesis
	$(BIN)/python -m benchmarks.generate
	$(BIN)/python -m benchmarks.engines
	$(BIN)/python -m benchmarks.read
	$(BIN)/python -m benchmarks.train_alpha
	$(BIN)/python -m benchmarks.train_segmenter
	$(BIN)/python -m benchmarks.train_generator
	$(BIN)/python -m benchmarks.projection

# On a machine with a GPU, without a virtual environment: tests that need one, then figures of all of it, within eight
# minutes. GPU="…" goes to benchmarks.gpu: --upstream DIR, --sizes 256, --json FILE. Tests run in three processes: after
# some errors one can no longer use its GPU.
gpu:
	status=0; \
	try() { timeout -s INT -k 5 "$$@" || status=$$?; }; \
	try 75 $(PYTHON) -m pytest -m gpu -p no:cacheprovider tests/networks; \
	try 30 $(PYTHON) -m pytest -m gpu -p no:cacheprovider tests/generation tests/process tests/test_philox.py; \
	try 40 $(PYTHON) -m pytest -m gpu -p no:cacheprovider tests/training/core/test_graphs.py tests/training/test_shown.py; \
	try 320 $(PYTHON) -m benchmarks.gpu $(GPU); \
	exit $$status

clean:
	rm -rf $(VENV) $(READERS) build dist demo *.egg-info
