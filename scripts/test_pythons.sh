#!/bin/sh
# Runs the tests on every Python from 3.11 on that it finds, and says which passed.
#
#   scripts/test_pythons.sh [PYTEST ARGUMENT]...
#
# Looked at are python3 and python3.11 onwards on the PATH, and what pyenv has installed;
# REPLAY_PYTHONS names others, with spaces between. Each version has an environment of its
# own, .venv-VERSION, with the pinned versions of all dependencies; run.sh uses it, too.

set -u

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd -- "$project" || exit 2

# Prints the commands that may be a Python.
candidates() {
    printf '%s\n' ${REPLAY_PYTHONS:-} python3
    minor=11
    while [ "$minor" -lt 30 ]; do
        echo "python3.$minor"
        minor=$((minor + 1))
    done
    pyenv=$(pyenv root 2>/dev/null) || pyenv=${PYENV_ROOT:-${HOME:-}/.pyenv}
    for python in "$pyenv"/versions/*/bin/python; do
        echo "$python"
    done
}

# Prints the version of a Python that is new enough and can make environments.
version() {
    "$1" -I -c '
import ensurepip, sys, venv
if sys.version_info < (3, 11):
    sys.exit(1)
print(sys.version.split()[0])' 2>/dev/null
}

tried=' '
results=
failures=0
# What is read by the loop is no input of the tests.
exec 3<<CANDIDATES
$(candidates)
CANDIDATES
while read -r python <&3; do
    found=$(version "$python") || continue
    case $tried in *" $found "*) continue ;; esac
    tried="$tried$found "
    echo "== Python $found: $python"
    REPLAY_PYTHON=$python
    REPLAY_VENV=$project/.venv-$found
    export REPLAY_PYTHON REPLAY_VENV
    if ! sh scripts/setup.sh test; then
        result='no environment, as said above'
    elif "$REPLAY_VENV/bin/python" -m pytest -q -n 2 --dist loadfile "$@"; then
        result=passed
    else
        result="failed with status $?"
    fi
    [ "$result" = passed ] || failures=$((failures + 1))
    results="$results$found: $result
"
done
if [ -z "$results" ]; then
    echo 'test_pythons: expected Python 3.11 or newer with its venv module, found none; install' \
        'one, or name it in REPLAY_PYTHONS' >&2
    exit 2
fi
printf '== tried\n%s' "$results"
[ "$failures" -eq 0 ]
