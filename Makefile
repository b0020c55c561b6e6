# Everything a contributor types. `make setup` is called by the others and does nothing when nothing changed.
PYTHON ?= python3
BIN := .venv/bin
DIST := src/chengyun/web/static/dist
# Tools that load the models ask no database anything; its name alone is enough.
UNCONNECTED := CHENGYUN_DATABASE_URL=postgresql:///chengyun CHENGYUN_DATA=build/data
.PHONY: setup clients run test check bench lock clean messages reference

setup: .venv/.made node_modules/.made build/demo/.made $(DIST)/.made .venv/.messages

.venv/.made: requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

node_modules/.made: package.json package-lock.json
	npm ci --silent
	@touch $@

build/demo/.made: tools/demo_areas.py node_modules/.made .venv/.made
	$(BIN)/python tools/demo_areas.py node_modules build/demo
	@touch $@

$(DIST)/.made: tools/build.mjs node_modules/.made $(shell find src/chengyun/web/js src/chengyun/web/css -type f)
	node tools/build.mjs
	@touch $@

.venv/.messages: .venv/.made tools/messages.py $(shell find src -name '*.po')
	$(BIN)/python tools/messages.py compile
	@touch $@

# Programs of others that the tests talk to us with, each in an environment of its own: their dependencies are not ours.
clients: $(patsubst requirements/clients/%.txt,build/clients/%/.made,$(wildcard requirements/clients/*.txt))

build/clients/%/.made: requirements/clients/%.txt .venv/.made
	test -x build/clients/$*/bin/python || $(PYTHON) -m venv build/clients/$*
	build/clients/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

run: setup
	$(BIN)/chengyun up

# Two files at a time. What failed beside others runs again by itself, and both are told (docs/decisions/0280): exit code 1 of
# pytest means that tests failed; any other failure is one of the run and ends it.
test: setup clients
	$(BIN)/python -m pytest -n 2 --dist loadfile || { test $$? -eq 1 && \
	  echo "These failed beside others; each runs once more by itself:" && $(BIN)/python -m pytest --last-failed --last-failed-no-failures=none; }

check: setup
	$(BIN)/ruff format --check src tests tools
	$(BIN)/ruff check src tests tools
	$(UNCONNECTED) $(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --lint --quiet src/chengyun/web/templates
	npx --no-install eslint src/chengyun/web/js tools
	$(UNCONNECTED) $(BIN)/python tools/check.py

bench: setup
	$(BIN)/chengyun bench --all

# After a change of dependencies: both lock files, without the name of any registry.
lock: .venv/.made
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet --python-version 3.11 -o requirements/dev.txt
	npm install --package-lock-only

messages: setup
	$(BIN)/python tools/messages.py extract

reference: setup
	$(UNCONNECTED) $(BIN)/chengyun reference

clean:
	rm -rf .venv node_modules build dist $(DIST)
