#!/usr/bin/env bash
# Programs that tests start and that need an environment of their own: Ray, and a store that speaks S3. Made once, at
# once where they are there. Sourced by .ci/run; by hand: source .ci/environments.sh
set -euo pipefail

# NAME PACKAGE PROGRAM
own_environment() {
    [ -x "$1/bin/$3" ] && return
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check "$2"
}

own_environment .venv-ray "ray[default]==2.60.0" ray
own_environment .venv-s3 "moto[server]==5.2.5" moto_server
export RUNNER_TEST_RAY="$PWD/.venv-ray/bin" RUNNER_TEST_S3="$PWD/.venv-s3/bin"
