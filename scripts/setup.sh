#!/bin/sh
# Makes the project's own Python environment, .venv, unless it is there already.
#
#   sh scripts/setup.sh run     what the program needs
#   sh scripts/setup.sh test    that, and what its checks need
#   sh scripts/setup.sh ray     what it needs with Ray, and tests of that; see scripts/test_ray.sh
#
# .venv/stamp says what is installed. It is removed before anything changes and
# written last: an environment without it was left half made and is made again.
#
# REPLAY_VENV names another folder for it, and REPLAY_PYTHON the Python to make it with.

set -eu

wanted=${1:-run}
project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
venv=${REPLAY_VENV:-$project/.venv}
stamp=$venv/stamp
constraints=$project/scripts/constraints.txt

# Prints what the environment has to fit: its Python and the two files.
state() {
    "$venv/bin/python" -I -S -c 'import sys; print(sys.version)' || return
    cat -- "$project/pyproject.toml" "$constraints" | cksum
}

# Prints the first command that is Python 3.11 or newer and can make environments.
find_python() {
    if [ -n "${REPLAY_PYTHON:-}" ]; then
        printf '%s\n' "$REPLAY_PYTHON"
        return
    fi
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'; then
            printf '%s\n' "$name"
            return
        fi
    done 2>/dev/null
    return 1
}

# Ends this script if the environment holds what is wanted; else sets installed if it is whole.
look() {
    installed=
    if [ -f "$stamp" ] && now=$(state 2>/dev/null); then
        # "test" holds all that "run" does.
        kinds=$wanted
        if [ "$wanted" = run ]; then
            kinds='test run'
        fi
        for kind in $kinds; do
            if [ "$(cat -- "$stamp")" = "$kind $now" ]; then
                exit 0
            fi
        done
        installed=yes
        # What has been there for the checks is kept up to date for them.
        case $wanted:$(cat -- "$stamp") in "run:test "*) wanted=test ;; esac
    fi
}

look
# Two that find none would make it over each other. Where there is no flock, they may.
if command -v flock >/dev/null; then
    exec 9>"$(CDPATH='' cd -- "$venv" 2>/dev/null && pwd -P || echo "$venv").lock"
    flock 9
    look
fi

if [ -z "$installed" ]; then
    if ! python=$(find_python); then
        echo 'setup: expected Python 3.11 or newer with its venv module, found none as' \
            'python3, python3.13, python3.12 or python3.11; install one' >&2
        exit 2
    fi
    echo "setup: making $venv" >&2 || :
    rm -f -- "$stamp"
    "$python" -m venv --clear -- "$venv"
else
    echo "setup: updating $venv" >&2 || :
    rm -f -- "$stamp"
fi

"$venv/bin/python" - "$wanted" "$project/pyproject.toml" >"$venv/requirements.txt" <<'PYTHON'
import sys, tomllib

wanted, path = sys.argv[1:]
with open(path, "rb") as file:
    project = tomllib.load(file)["project"]
extras = project["optional-dependencies"]
kinds = {"run": ["view"], "test": ["view", "test", "bench", "dev"], "ray": ["ray", "test"]}
more = [requirement for extra in kinds[wanted] for requirement in extras[extra]]
# The extra for development takes in that for tests by naming the project itself.
more = [each for each in more if not each.startswith(project["name"])]
print(*project["dependencies"], *more, sep="\n")
PYTHON

if ! "$venv/bin/python" -m pip --quiet --quiet --disable-pip-version-check install \
    --constraint "$constraints" --requirement "$venv/requirements.txt"; then
    echo 'setup: expected pip to install the dependencies, it failed as said above;' \
        'mend that and run this again' >&2
    exit 1
fi

now=$(state)
printf '%s\n' "$wanted $now" >"$stamp.new"
mv -- "$stamp.new" "$stamp"
