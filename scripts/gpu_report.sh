#!/bin/sh
# Measure completion and training on a GPU, and train the generator of faces-128 for the rest of the time.
#
#   scripts/gpu_report.sh OUT [WORK]              within SECONDS_MAX seconds, by default 470
#   scripts/gpu_report.sh --rehearse OUT          all of it with a tiny model, on a processor, within two minutes
#
# OUT gets report.md and report.json, which are written after each measurement, and a log of each part. WORK holds
# pictures for the generator, part*.zip (see scripts/train_on_gpu.py), and gets out/generator-batch.safetensors.
# Environment: PYTHON, WHEELS (a folder of wheels of Keras, namex and optree, where they are not installed), SECONDS_MAX.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rehearse=""
if [ "${1:-}" = "--rehearse" ]; then
    rehearse="--rehearse --batches 1,2,4 --batch 4"
    export JAX_PLATFORMS=cpu JAX_DISABLE_MOST_OPTIMIZATIONS=1  # compiling is nearly all of the time
    shift
fi
if [ $# -lt 1 ]; then
    sed -n '2,10p' "$0" >&2
    exit 2
fi
out=$1
work=${2:-$1}
mkdir -p "$out" "$work" || exit 1
out=$(cd "$out" && pwd)
work=$(cd "$work" && pwd)
python=${PYTHON:-python3}
began=$(date +%s)
most=${SECONDS_MAX:-470}
[ -n "$rehearse" ] && most=${SECONDS_MAX:-110}
export KERAS_BACKEND=jax PYTHONPATH="$here/..:$out/packages${PYTHONPATH:+:$PYTHONPATH}" TF_CPP_MIN_LOG_LEVEL=3
if [ -n "${WHEELS:-}" ]; then
    "$python" -m pip install --quiet --no-index --no-deps --target "$out/packages" "$WHEELS"/*.whl || exit 1
fi

left() { echo $((most - $(date +%s) + began)); }

# A part that fails or takes too long leaves the others their time.
part() {
    name=$1
    seconds=$2
    [ "$seconds" -gt 5 ] || { echo "$name: no time is left"; return; }
    # shellcheck disable=SC2086  # its options are words
    timeout -k 5 $((seconds + 15)) "$python" "$here/gpu_report.py" "$name" "$out" --work "$work" \
        --seconds "$seconds" $rehearse >"$out/$name.log" 2>&1
    code=$?
    grep -E "^(completion|training|generator|notes): " "$out/$name.log"
    if [ "$code" -ne 0 ]; then
        echo "$name: ended with $code: $(tail -n 1 "$out/$name.log")"
        failed=1
    fi
}

failed=0
part completion $(($(left) * 40 / 100))
part training $(($(left) * 50 / 100))
part generator $(($(left) - 20))
echo "$(($(date +%s) - began)) s; $out/report.md"
exit $failed
