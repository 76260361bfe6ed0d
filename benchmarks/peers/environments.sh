#!/bin/sh
# An environment for each library:  sh benchmarks/peers/environments.sh ENVIRONMENTS [PYTHON]
#
# ENVIRONMENTS: a folder. PYTHON: 3.11, with which the versions in requirements/ were tried.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for requirements in "$here"/requirements/*.txt; do
    environment=$1/$(basename "$requirements" .txt)
    "${2:-python3.11}" -m venv "$environment"
    # torch first: by itself it is taken as the build that this machine's index offers, such as that for CPUs
    torch=$(sed -n 's/^\(torch==[0-9.]*\).*/\1/p' "$requirements")
    [ -z "$torch" ] || "$environment/bin/pip" install "$torch"
    "$environment/bin/pip" install -r "$requirements"
done
