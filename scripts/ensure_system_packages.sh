#!/bin/sh
# What the tests need of the system: a real Chromium, and PortAudio for the microphone. Install
# Debian's where that is possible and something is missing.
set -eu
missing=
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || missing="chromium"
ldconfig -p 2>/dev/null | grep -q libportaudio || missing="$missing libportaudio2"
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing $missing for the tests …"
    apt-get update -qq
    # shellcheck disable=SC2086 # several names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
echo "The tests need $missing: install it with your package manager (the names are Debian's)." >&2
exit 1
