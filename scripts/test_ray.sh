#!/bin/sh
# Runs the tests of Ray, in an environment of their own, .venv-ray: nothing else needs it.
#
#   scripts/test_ray.sh [PYTEST ARGUMENT]...

set -eu

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd -- "$project"
REPLAY_VENV=$project/.venv-ray
REPLAY_RAY=required
export REPLAY_VENV REPLAY_RAY
sh scripts/setup.sh ray
exec "$REPLAY_VENV/bin/python" -m pytest -q tests/cluster "$@"
