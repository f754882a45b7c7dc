# Two commands matter: `make run` and `make test`. Both build the environment first, from pinned and hashed packages.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: run test test-browser test-e2e test-faults test-keys test-local test-oracle test-tensorrt test-remote test-studio soak sbom models lint \
	format bench lock clean

run: $(VENV)/.runtime
	$(BIN)/livecam run $(ARGS)

# Bytecode is kept, also where the environment says otherwise: every process of the tests would compile it all again.
unexport PYTHONDONTWRITEBYTECODE

# Two at a time, long modules first (tests/conftest.py); then, one after the other, what runs the whole daemon or judges
# times; then core and privacy, which have to be covered by their own tests alone. ARGS may name tests of one half.
HERE := not e2e and not browser and not faults and not local and not studio
BOTH := -n 2 --dist loadfile --no-loadscope-reorder
test: $(VENV)/.dev
	$(PYTEST) $(BOTH) -m "$(HERE) and not alone" --ignore=tests/core --ignore=tests/privacy $(ARGS) || { [ $$? -eq 5 ] && [ -n "$(ARGS)" ]; }
	$(PYTEST) -m "$(HERE) and alone" $(ARGS) || { [ $$? -eq 5 ] && [ -n "$(ARGS)" ]; }
	$(PYTEST) $(BOTH) -q tests/core tests/privacy --cov=livecam.core --cov=livecam.privacy --cov-branch --cov-fail-under=100

# On a real kernel with real drivers: User-Mode Linux, built once and cached outside the checkout; and on PipeWire.
test-e2e: $(VENV)/.dev
	LIVECAM_E2E_PYTHON=$(BIN)/python tests/e2e/run.sh $(ARGS)
	$(PYTEST) -s -m e2e tests/e2e/pipewire tests/e2e/audio tests/e2e/obs tests/e2e/service

# Every fault of the matrix, injected into the running daemon, whose every picture is looked at. Writes
# benchmarks/results/reliability.json.
test-faults: $(VENV)/.dev
	$(PYTEST) -q -m faults tests/faults $(ARGS)

# The whole daemon where there is no network at all.
test-local: $(VENV)/.dev
	$(PYTEST) -q -m local tests/local $(ARGS)

# What livecam consists of, in CycloneDX; to be made anew after a change of requirements.txt or engines/.
sbom: $(VENV)/.dev
	$(BIN)/python -m tests.sbom

# Random faults and orders for hours, and a verdict.
soak: $(VENV)/.dev
	$(BIN)/python -m benchmarks soak --minutes 60 $(ARGS)

# The control panel in headless Chromium: every control, two tabs, a narrow window, who is refused.
test-browser: $(VENV)/.dev
	$(PYTEST) -m browser tests/control/web $(ARGS)

# Real keys on a real X11 display, with pynput, whose parts have to be compiled on Linux; it stays in a folder of its own.
KEYS := $(VENV)-keys
test-keys: $(VENV)/.dev $(KEYS)/.ready
	PYTHONPATH=$(KEYS) $(PYTEST) tests/control/test_x11.py $(ARGS)

$(KEYS)/.ready: tests/keys/requirements.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target $(KEYS) -r tests/keys/requirements.txt
	@touch $@

# Against insightface, which stays in an environment of its own (640 MB): its wheels overlay those livecam runs on.
ORACLE := $(VENV)-oracle
test-oracle: $(ORACLE)/.ready
	$(ORACLE)/bin/python -m pytest -m oracle tests/oracle $(ARGS)

$(ORACLE)/.ready: tests/oracle/requirements.txt
	$(PYTHON) -m venv $(ORACLE)
	$(ORACLE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/oracle/requirements.txt
	@touch $@

# Every network of the catalogue compiled with TensorRT for RTX, which needs no graphics card, but Python 3.12 or later.
RTX := $(VENV)-rtx
RTX_PYTHON ?= $(shell for p in python3.13 python3.12 $(PYTHON) $(wildcard $(HOME)/.pyenv/versions/3.1[23]*/bin/python3); do \
	"$$p" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null && { echo "$$p"; break; }; done)
test-tensorrt: $(RTX)/.ready
	$(RTX)/bin/python -m pytest -m tensorrt tests/inference tests/canvas tests/cli $(ARGS)

$(RTX)/.ready: tests/tensorrt/requirements.txt
	@test -n "$(RTX_PYTHON)" || { echo "TensorRT for RTX needs Python 3.12 or 3.13; name one: make test-tensorrt RTX_PYTHON=..."; exit 1; }
	$(RTX_PYTHON) -m venv $(RTX)
	$(RTX)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/tensorrt/requirements.txt
	$(RTX)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

# Against a real Triton server, in an environment of its own; its Python backend wants Python 3.11 or 3.12.
REMOTE := $(VENV)-remote
REMOTE_PYTHON ?= $(shell for p in python3.12 python3.11 $(PYTHON); do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && { echo "$$p"; break; }; done)
test-remote: $(VENV)/.dev $(REMOTE)/.ready
	LIVECAM_TRITON=$(REMOTE) $(PYTEST) -m remote tests/remote $(ARGS)

$(REMOTE)/.ready: tests/remote/requirements.txt
	@test -n "$(REMOTE_PYTHON)" || { echo "The Triton server needs Python 3.11 or 3.12; name one: make test-remote REMOTE_PYTHON=..."; exit 1; }
	$(REMOTE_PYTHON) -m venv $(REMOTE)
	$(REMOTE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/remote/requirements.txt
	@touch $@

# The studio's pipelines, tiny and with random weights, on the processor. torch comes first, by version: a wheel of it
# for the processor suffices (STUDIO_TORCH may name one), and where pip takes the one for a card it is some GB.
STUDIO := $(VENV)-studio
STUDIO_TORCH ?= torch==2.13.0
test-studio: $(STUDIO)/.ready
	$(STUDIO)/bin/python -m pytest -p no:hypothesispytest -p no:anyio -n 2 --dist loadfile -m studio tests/studio/engines \
		tests/studio/test_cli_tiny.py $(ARGS)

$(STUDIO)/.ready: tests/studio/requirements.txt
	$(PYTHON) -m venv $(STUDIO)
	$(STUDIO)/bin/python -m pip install --quiet --disable-pip-version-check $(STUDIO_TORCH)
	$(STUDIO)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/studio/requirements.txt
	$(STUDIO)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

models: $(VENV)/.runtime
	$(BIN)/livecam models fetch

lint: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only . && $(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

# Anew from pyproject.toml; needs uv.
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q
# What torch brings for a graphics card; test-studio installs torch by itself.
TORCH_ONLY := torch triton cuda-bindings cuda-pathfinder cuda-toolkit $(addprefix nvidia-,cublas cuda-cccl cuda-cupti \
	cuda-nvrtc cuda-runtime cudnn-cu13 cufft cufile curand cusolver cusparse cusparselt-cu13 nccl-cu13 nvjitlink \
	nvshmem-cu13 nvtx)
lock:
	$(COMPILE) --extra vcam -o requirements.txt
	$(COMPILE) --extra vcam --group dev --group judges -o requirements-dev.txt
	uv pip compile tests/oracle/requirements.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header -q -o tests/oracle/requirements.txt
	uv pip compile tests/tensorrt/requirements.in --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
		--no-header -q -o tests/tensorrt/requirements.txt
	uv pip compile tests/keys/requirements.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header -q -o tests/keys/requirements.txt
	uv pip compile tests/studio/requirements.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header -q $(addprefix --no-emit-package ,$(TORCH_ONLY)) -o tests/studio/requirements.txt
	uv pip compile tests/remote/requirements.in --no-deps --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header -q -o tests/remote/requirements.txt

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "livecam needs Python 3.11, 3.12 or 3.13; install one, or name it: make run PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@ $(VENV)/.runtime

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
