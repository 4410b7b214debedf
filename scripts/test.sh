#!/bin/sh
# Runs every check, the tests last; stops at the first that fails.
#
#   scripts/test.sh [--quick] [PYTEST ARGUMENT]...
#
# --quick leaves out what takes long: benchmarks, campaigns, planted faults and slow tests.

set -eu

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd -- "$project"
# Where no bytecode may be kept, each of some thousand processes compiles the program for itself.
unset PYTHONDONTWRITEBYTECODE
python=.venv/bin/python
quick=
if [ "${1:-}" = --quick ]; then
    quick=yes
    shift
fi

step() {
    echo "== $*"
}

step setup
sh scripts/setup.sh test
if [ -z "$quick" ]; then
    step browser
    sh scripts/setup_browser.sh
fi
step ruff check
"$python" -m ruff check
step ruff format --check
"$python" -m ruff format --check
if [ -n "$quick" ]; then
    step mypy
    "$python" -m mypy
    step pytest, without slow tests
    exec "$python" -m pytest -q -n 2 --dist loadfile -m "not slow" "$@"
fi
step mypy, beside bench and campaigns: it takes one core
"$python" -m mypy &
types=$!
trap 'kill "$types" 2>/dev/null || :' EXIT
step bench
"$python" scripts/bench.py --small
"$python" scripts/bench_timeline.py --lines 5000
step campaigns
"$python" scripts/campaign.py
step planted faults
"$python" scripts/faults.py --count 1
wait "$types"
step pytest
# A file stays in one process: the transcripts of the README write to one folder.
exec "$python" -m pytest -q -n 2 --dist loadfile "$@"
