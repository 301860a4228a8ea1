#!/bin/sh
# What the tests need of the system: a real Chromium and its headless shell; Firefox; WebKitGTK, and Xvfb
# for its window; PulseAudio for the microphone of those two, PortAudio for that of the commands; openssl
# for certificates, the ffmpeg command for damaged files, espeak-ng to say sentences, nginx, Caddy and
# HAProxy to stand behind, Redis to share channels through, PostgreSQL to keep talks in.
# Install Debian's where that is possible and something is missing.
set -eu
has() { command -v "$1" >/dev/null 2>&1; }
missing=
has chromium || has google-chrome || missing="chromium"
has chromium-headless-shell || has google-chrome || missing="$missing chromium-headless-shell"
has firefox-esr || has firefox || missing="$missing firefox-esr"
has WebKitWebDriver || missing="$missing webkit2gtk-driver"
has Xvfb || missing="$missing xvfb"
has pulseaudio || missing="$missing pulseaudio"
"$(dirname "$0")/../.venv/bin/python" -c 'import sounddevice' 2>/dev/null || missing="$missing libportaudio2"
has openssl || missing="$missing openssl"
has ffmpeg || missing="$missing ffmpeg"
has espeak-ng || missing="$missing espeak-ng"
has haproxy || [ -x /usr/sbin/haproxy ] || missing="$missing haproxy"
has pg_isready || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
has redis-server || missing="$missing redis-server"
has nginx || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
has caddy || missing="$missing caddy"
# Debian's may be too old, so it is not installed here.
if ! node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null; then
    echo "Without Node.js 20 or newer the tests of the JavaScript library outside a browser are skipped."
fi
[ -z "$missing" ] && exit 0
if has apt-get && [ "$(id -u)" = 0 ]; then
    echo "Installing $missing for the tests …"
    apt-get update -qq
    # shellcheck disable=SC2086 # several names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
echo "The tests need $missing: install it with your package manager (the names are Debian's)." >&2
exit 1
