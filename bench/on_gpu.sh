#!/usr/bin/env bash
# Everything that needs a GPU in one call, in under 9 minutes and without a network:
#
#     bash bench/on_gpu.sh OUTDIR
#
# A bare checkout will do; nothing is installed. Each stage has its own time limit, so that the
# later ones run and keep their results whatever becomes of the earlier ones. The exit status is 0
# only if every stage passed. OUTDIR gets environment.json, tests.xml, iteration.json, parity.json
# and a log of each stage. PYTHON names another interpreter than python3.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: bash bench/on_gpu.sh OUTDIR" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
export PYTHONDONTWRITEBYTECODE=1
failed=()

# stage NAME SECONDS COMMAND...: run the command with its output in NAME.log.
stage() {
    local name=$1 seconds=$2 began=$SECONDS code=0
    shift 2
    # At the limit comes Ctrl-C and not a kill: pytest then still writes what it has. A script that
    # runs in the background ignores Ctrl-C, and so would its children without env.
    timeout --signal=INT --kill-after=10 "$seconds" env --default-signal=INT "$@" \
        >"$out/$name.log" 2>&1 || code=$?
    if [ "$code" -eq 0 ]; then
        echo "$name: passed in $((SECONDS - began)) s"
        return
    fi
    failed+=("$name")
    if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
        echo "$name: FAILED, stopped after its $seconds s; the end of its log:"
    else
        echo "$name: FAILED with exit status $code in $((SECONDS - began)) s; the end of its log:"
    fi
    tail -n 15 "$out/$name.log" | cut -c 1-300
}

pytest=("$python" -m pytest -p no:cacheprovider --device cuda -q --tb=short)

stage environment 30 "$python" -m bench.environment --json "$out/environment.json"
# Only what computes on the GPU: the rest, stand-ins for CuPy included, needs none.
stage tests 120 "${pytest[@]}" tests --ignore-glob="*/test_cuda_*" -k "cuda and not standin" \
    --junit-xml="$out/tests.xml"
stage parity 60 "$python" -m bench.parity --json "$out/parity.json"
stage iteration 240 "${pytest[@]}" bench --benchmark-json="$out/iteration.json"

if [ -s "$out/environment.json" ]; then
    grep -E '"(gpu|cupy|cpu|cores|numpy|commit)"' "$out/environment.json" || true
fi
if [ -s "$out/parity.log" ]; then
    tail -n 2 "$out/parity.log" | cut -c 1-300
fi
if [ -s "$out/iteration.json" ]; then
    timeout 15 "$python" -m bench.table "$out/iteration.json" || failed+=(table)
fi
if [ ${#failed[@]} -gt 0 ]; then
    echo "FAILED: ${failed[*]}"
    exit 1
fi
echo "all stages passed"
