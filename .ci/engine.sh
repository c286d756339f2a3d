#!/usr/bin/env bash
# A Docker Engine that answers, a base image, and the project's CPU image: from nothing, as root on Debian, or warm in
# seconds. Needs the project's .venv, but for the Engine and the base alone: `source .ci/engine.sh base`. Sourced by
# .ci/run; run by hand it does the same.
set -euo pipefail

engine_packages() {
    local missing=()
    command -v dockerd >/dev/null || missing+=(docker.io)
    command -v debootstrap >/dev/null || missing+=(debootstrap)
    [ ${#missing[@]} -eq 0 ] && return
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

engine_answers() { docker version >/dev/null 2>&1; }

engine_start() {
    engine_answers && return
    local log
    log=$(mktemp -t dockerd-XXXXXX.log)
    # A daemon that was killed leaves a pid file, and another process may have that number by now.
    local pidfile=/var/run/docker.pid
    if [ -e "$pidfile" ] && ! grep -qsx dockerd "/proc/$(cat "$pidfile")/comm"; then rm -f "$pidfile"; fi
    setsid dockerd >"$log" 2>&1 </dev/null &
    for _ in $(seq 120); do
        engine_answers && return
        sleep 0.5
    done
    echo "dockerd did not come up:" >&2
    tail -n 20 "$log" >&2
    return 1
}

# No registry is asked for an image: the base is made of Debian's own packages.
engine_base() {
    docker image inspect debian:bookworm-slim >/dev/null 2>&1 && return
    local root
    root=$(mktemp -d)
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" >/dev/null
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - debian:bookworm-slim >/dev/null
    rm -rf --one-file-system "$root"
}

# The build's pip is told what this machine's pip is told.
engine_image() {
    local words=(--variant cpu --if-missing) folder bundle
    bundle=${PIP_CERT:-$(.venv/bin/pip config get global.cert 2>/dev/null || true)}
    [ -f "$bundle" ] && words+=(--ca-bundle "$bundle")
    for folder in ${PIP_FIND_LINKS:-$(.venv/bin/pip config get global.find-links 2>/dev/null || true)}; do
        if compgen -G "$folder/torch-*.whl" >/dev/null; then
            words+=(--wheelhouse "$folder")
            break
        fi
    done
    local log
    log=$(mktemp -t image-build-XXXXXX.log)
    .venv/bin/runner image build "${words[@]}" 2>"$log" || {
        tail -n 40 "$log" >&2
        return 1
    }
    # Each build leaves the images that it replaces; those of the last hour are the next build's layers.
    docker image prune --force --filter until=1h >/dev/null
}

engine_packages
engine_start
engine_base
[ "${1-}" = base ] || engine_image
