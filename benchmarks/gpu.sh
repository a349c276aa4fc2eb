#!/usr/bin/env bash
# What a GPU is asked for, in parts of at most four minutes each: benchmarks/gpu.sh PART [DATA]
#
#   checks       what a GPU alone can show: replayed = eager, packed = padded
#   train-base   an update of base in bfloat16, beside transformers and x-transformers, compiled
#   train-big    the same of big
#   decode       1,000 sentences with beam 4, beside `generate` and CTranslate2 in float16
#   multi30k N   the recipe of multi30k-tiny with seed N: four minutes, then it is continued by
#                the same command, until it ends and is scored
#   list         the parts
#
# DATA is the folder of the segmented Multi30k; `decode` and the trainings use random text.
# PYTHON names the interpreter, OUT where results go. The parts need the packages of pyproject.toml
# (also pydantic-core, annotated-types and rich, which images of PyTorch often lack) and, for the
# peers, transformers, x-transformers and ctranslate2 (`.[bench]`): on a machine without a network
# carry their wheels, made by `pip download --only-binary=:all: '.[bench]'`.
# DRY_RUN=1 makes tiny networks on a CPU instead: it shows that a part runs, and no speed.
set -euo pipefail
python=${PYTHON:-python3}
out=${OUT:-runs/gpu}
limit=(timeout --signal TERM "${SECONDS_A_PART:-240}")
place=(--device cuda)
rounds=(--rounds 5)
engines=(ours marian x_transformers)
if [[ -n ${DRY_RUN:-} ]]; then
    place=(--device cpu)
    rounds=(--rounds 1 --batches 1 --warm-up 1 --allow-busy)
    small=tiny rows=9712 engines=(ours)
fi

usage() { sed -n '2,18s/^# \{0,1\}//p' "$0"; }

train() {
    mkdir -p "$out"
    "${limit[@]}" "$python" -m benchmarks.train "${place[@]}" "${rounds[@]}" \
        --random-text "${rows:-37000}" --size "$1" --attention-dropout 0.0 \
        --engines "${engines[@]}" --out "$out/train-$1.json"
    "$python" -m benchmarks.gpu table "$out/train-$1.json"
    "${limit[@]}" "$python" -m benchmarks.gpu waits "${place[@]}" --size "$1"
}

part=${1:-usage}
case $part in
    list) echo checks train-base train-big decode multi30k ;;
    checks) "${limit[@]}" "$python" -m benchmarks.gpu checks "${place[@]}" --size "${small:-base}" ;;
    train-base) train "${small:-base}" ;;
    train-big) train "${small:-big}" ;;
    decode)
        mkdir -p "$out"
        "${limit[@]}" "$python" -m benchmarks.decode "${place[@]}" --rounds 1 \
            --random-text "${rows:-37000}" --size "${small:-base}" --case beam --out "$out/decode.json"
        ;;
    multi30k)
        seed=${2:?usage: benchmarks/gpu.sh multi30k SEED DATA}
        data=${3:?usage: benchmarks/gpu.sh multi30k SEED DATA}
        run="$out/multi30k-tiny-$seed"
        mkdir -p "$out"
        again=()
        [[ -d $run ]] && again=(--resume)
        "${limit[@]}" "$python" -m runtime train multi30k-tiny "${place[@]}" \
            --set "data.folder=$data" --set "training.seed=$seed" --out "$run" \
            --cache "$out/prepared" "${again[@]}"
        "$python" -m runtime evaluate "$run" --samples 0
        ;;
    *)
        usage
        [[ $part == usage ]]
        ;;
esac
