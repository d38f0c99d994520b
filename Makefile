# Two commands are all there is to know: `make run` and `make test`.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: run test check fix lock scripts pictures bench chaos fuzz clean

run:            ## the whole service, with nothing to configure
	@$(PYTHON) bootstrap.py
	@$(BIN)/python worker.py

test:           ## every test
	@$(PYTHON) bootstrap.py dev
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check:          ## style, types, and that the locks say what pyproject.toml says
	@$(PYTHON) bootstrap.py dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m course check
	@$(BIN)/python tests/lock.py --check

fix:            ## format, and mend what can be mended
	@$(PYTHON) bootstrap.py dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:           ## make both locks anew from pyproject.toml
	@$(PYTHON) bootstrap.py dev
	@$(BIN)/python tests/lock.py

scripts:        ## the PDF of every exercise in every language, from its Markdown
	@$(PYTHON) bootstrap.py dev
	@PYTHONPATH=. $(BIN)/python tests/scripts.py

pictures:       ## the sheets of docs/pictures: every mail in every language, three widths, light and dark
	@$(PYTHON) bootstrap.py dev
	@PYTHONPATH=.:tests $(BIN)/python tests/pictures.py

bench:          ## how fast it sends, against others on this machine; writes docs/performance.md
	@$(PYTHON) bootstrap.py dev
	@$(BIN)/python -m benchmarks --write $(ARGS)

chaos:          ## kill, stop and cut off real workers for some twenty minutes, and count every lesson
	@$(PYTHON) bootstrap.py dev
	@PYTHONPATH=. $(BIN)/python tests/chaos.py $(ARGS)

fuzz:           ## ten minutes of hostile mail, made to reach what no test reached; ARGS=60 for an hour
	@$(PYTHON) bootstrap.py dev
	@$(BIN)/python -m uv pip install --quiet --group fuzz
	@$(BIN)/python tests/fuzz.py $(ARGS)

clean:          ## the environment only; never your data
	rm -rf .venv
