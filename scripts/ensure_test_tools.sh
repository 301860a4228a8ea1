#!/bin/sh
# The tests drive a real Chromium and make the clock jump. Install what is missing where that is possible.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || missing="chromium"
command -v faketime >/dev/null 2>&1 || missing="$missing faketime"
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing for the tests: $missing …"
    apt-get update -qq
    # shellcheck disable=SC2086 - one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
echo "Missing for the tests: $missing. Install it with your package manager." >&2
# Without a browser most of what people see would go untested; without the other a single test.
case "$missing" in *chromium*) exit 1 ;; esac
