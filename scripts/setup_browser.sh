#!/bin/sh
# Installs what the tests in a browser need, where it can: chromium and its driver as root with
# apt-get, and axe-core with npm. What is missing in the end is said; those tests are skipped
# then, or fail with REPLAY_BROWSER=required.

set -eu

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
axe=$(sed -n 's/^AXE_VERSION = "\(.*\)"$/\1/p' "$project/tests/replay/page/test_browser.py")
modules=$project/.venv/node_modules/axe-core

missing=
for command in chromium:chromium chromedriver:chromium-driver npm:npm; do
    # npm is needed only to get axe-core.
    if [ "$command" = npm:npm ] && grep -qs "\"version\": \"$axe\"" "$modules/package.json"; then
        continue
    fi
    command -v "${command%%:*}" >/dev/null || missing="$missing ${command##*:}"
done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "browser: installing$missing" >&2
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends $missing; } >/dev/null ||
        echo "browser: expected apt-get to install$missing, it failed as said above" >&2
fi
if ! grep -qs "\"version\": \"$axe\"" "$modules/package.json" && command -v npm >/dev/null; then
    npm install --silent --no-audit --no-fund --prefix "$project/.venv" "axe-core@$axe" ||
        echo "browser: expected npm to install axe-core $axe, it failed as said above" >&2
fi
