# Everything a contributor types. `make setup` is called by the others and does nothing when nothing changed.
PYTHON ?= python3
BIN := .venv/bin
.PHONY: setup run test check bench lock clean messages

setup: .venv/.made node_modules/.made build/demo/.made src/chengyun/web/static/dist/.made .venv/.messages

.venv/.made: requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

node_modules/.made: package.json package-lock.json
	npm ci --silent
	@touch $@

build/demo/.made: tools/demo_areas.py node_modules/.made .venv/.made
	$(BIN)/python tools/demo_areas.py node_modules build/demo
	@touch $@

src/chengyun/web/static/dist/.made: tools/build.mjs node_modules/.made $(wildcard src/chengyun/web/js/*.js src/chengyun/web/css/*.css)
	node tools/build.mjs
	@touch $@

.venv/.messages: .venv/.made $(shell find src -name '*.po')
	$(BIN)/python tools/messages.py compile
	@touch $@

run: setup
	$(BIN)/chengyun up

test: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff format --check src tests tools
	$(BIN)/ruff check src tests tools
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint --quiet src/chengyun/web/templates
	npx eslint src/chengyun/web/js tools
	$(BIN)/python tools/check.py

bench: setup
	$(BIN)/chengyun bench --all

lock:
	$(BIN)/uv pip compile pyproject.toml --extra embedded --group dev --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet --python-version 3.11 -o requirements/dev.txt
	npm install --package-lock-only

messages: setup
	$(BIN)/python tools/messages.py extract

clean:
	rm -rf .venv node_modules build dist src/chengyun/web/static/dist
