#!/usr/bin/env bash
# The programs of clusters that tests start for themselves: from nothing, as root on Debian, or at once where they are
# there. Sourced by .ci/run; run by hand it does the same.
set -euo pipefail

cluster_packages() {
    local missing=()
    command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v sbatch >/dev/null || missing+=(slurm-wlm)
    command -v munged >/dev/null || missing+=(munge)
    # Networks that tests cut.
    command -v ip >/dev/null || missing+=(iproute2)
    [ ${#missing[@]} -eq 0 ] && return
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

cluster_packages
