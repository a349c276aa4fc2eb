#!/usr/bin/env bash
# All that a GPU is asked for, in one call: benchmarks/gpu.sh FOLDER-OF-THE-SEGMENTED-MULTI30K
# Speed of base and big in bfloat16 and beam search, beside transformers; then the published recipe
# of multi30k-tiny with three seeds. PYTHON names the interpreter, OUT where everything goes.
# MINUTES bounds each training run: one that is cut short goes on with --resume.
set -euo pipefail
data=${1:?usage: benchmarks/gpu.sh FOLDER-OF-THE-SEGMENTED-MULTI30K}
python=${PYTHON:-python3}
out=${OUT:-runs/gpu}
minutes=${MINUTES:-60}
mkdir -p "$out"

"$python" -m benchmarks.train --device cuda --random-text 37000 --size base big \
    --attention-dropout 0.0 --out "$out/train.json"
"$python" -m benchmarks.decode --device cuda --random-text 37000 --size base \
    --case greedy beam --out "$out/decode.json"
"$python" -m benchmarks.report "$out/train.json" "$out/decode.json" --out "$out/benchmarks.md"

for seed in 1 2 3; do
    run="$out/multi30k-tiny-$seed"
    timeout --signal TERM "${minutes}m" "$python" -m runtime train multi30k-tiny \
        --set "data.folder=$data" --set "training.seed=$seed" --out "$run" --cache "$out/prepared" ||
        echo "seed $seed was cut short"
    "$python" -m runtime evaluate "$run" --split valid --samples 0
    "$python" -m runtime evaluate "$run" --samples 0
done
