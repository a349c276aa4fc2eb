#!/usr/bin/env bash
# What a GPU is asked for, in parts of at most four minutes each: benchmarks/gpu.sh PART [DATA]
#
#   checks          what a GPU alone can show: replayed = eager, packed = padded
#   train-base      an update of base in bfloat16, beside transformers and x-transformers, compiled
#   train-big       the same of big
#   decode          1,000 sentences with beam 4, beside `generate` and CTranslate2 in float16
#   multi30k N DATA the recipe of multi30k-tiny with seed N, then its score
#   precision DATA  BLEU of bfloat16 beside that of float32: 3,000 updates each, seeds 1 and 2
#   list            the parts
#
# The last two need more than four minutes on some GPUs: the same command continues them. DATA is the
# folder of the segmented Multi30k; `decode` and the trainings use random text.
# PYTHON names the interpreter, OUT where results go. The parts need the packages of pyproject.toml
# (also pydantic-core, annotated-types and rich, which images of PyTorch often lack), and the other
# libraries: transformers, x-transformers and ctranslate2 (`.[bench]`). On a machine without a network
# carry their wheels, made by `pip download --only-binary=:all: '.[bench]'`.
#
#   benchmarks/gpu.sh --dry-run [PART ...]
#
# runs parts, by default all, with tiny networks and texts on a CPU, beside the other libraries
# that are installed. It shows that the parts run, and no speed.
set -euo pipefail
python=${PYTHON:-python3}
out=${OUT:-runs/gpu}
parts=(checks train-base train-big decode multi30k precision)
limit=(timeout --signal TERM "${SECONDS_A_PART:-240}")
place=(--device cuda)
rounds=(--rounds 5)
peers=(marian x_transformers)
decoders=(marian ctranslate2)
few=() recipe=() jobs=4
tiny=(model.vocabulary.size=20 model.d_model=16 model.attention.heads=2 model.feed_forward.d_ff=32
    model.encoder.layers=1 model.decoder.layers=1 training.batch_tokens=200 training.steps=4
    training.schedule.warmup_steps=2 training.validation.every=2 evaluation.average_last=2
    training.validation.patience=null data.max_length=20)

refuse() { echo "error: $1" >&2; echo "help: $2" >&2; exit 2; }

usage() { sed -n '2,23s/^# \{0,1\}//p' "$0"; }

be_dry() {
    place=(--device cpu)
    rounds=(--rounds 1 --allow-busy)
    size=tiny rows=200 few=(--sentences 4 --length 3) jobs=1
    peers=($("$python" -m benchmarks.gpu installed "${peers[@]}"))
    decoders=($("$python" -m benchmarks.gpu installed "${decoders[@]}"))
    for each in "${tiny[@]}"; do recipe+=(--set "$each"); done
    batches=(--batches 1 --warm-up 1)
}

train() {
    "${limit[@]}" "$python" -m benchmarks.train "${place[@]}" "${rounds[@]}" "${batches[@]}" \
        --random-text "${rows:-37000}" --size "$1" --attention-dropout 0.0 \
        --engines ours "${peers[@]}" --out "$out/train-$1.json"
    "$python" -m benchmarks.gpu table "$out/train-$1.json"
    "${limit[@]}" "$python" -m benchmarks.gpu waits "${place[@]}" --size "$1"
}

decode() {
    "${limit[@]}" "$python" -m benchmarks.decode "${place[@]}" "${rounds[@]}" "${few[@]}" \
        --random-text "${rows:-37000}" --size "${size:-base}" --case beam \
        --engines ours "${decoders[@]}" --out "$out/decode.json"
}

refuse_missing() {
    [[ -d $2 ]] || refuse "$1: expected the folder of the segmented Multi30k, got '$2'" "$3"
}

multi30k() {
    local seed=${1:-} data=${2:-}
    [[ $seed =~ ^[0-9]+$ ]] || refuse "multi30k: expected the number of a seed, got '$seed'" \
        "benchmarks/gpu.sh multi30k SEED DATA"
    refuse_missing multi30k "$data" "benchmarks/gpu.sh multi30k SEED DATA"
    local run="$out/multi30k-tiny-$seed" again=()
    [[ -d $run ]] && again=(--resume)
    "${limit[@]}" "$python" -m runtime train multi30k-tiny "${place[@]}" \
        --set "data.folder=$data" --set "training.seed=$seed" "${recipe[@]}" --out "$run" \
        --cache "$out/prepared" "${again[@]}"
    "$python" -m runtime evaluate "$run" "${place[@]}" --samples 0
}

precision() {
    local data=${1:-}
    refuse_missing precision "$data" "benchmarks/gpu.sh precision DATA"
    "${limit[@]}" "$python" -m runtime ablate specs/ablations/precision.yaml "${place[@]}" \
        --jobs "$jobs" --set "data.folder=$data" "${recipe[@]}" --out "$out/precision" \
        --cache "$out/prepared"
    "$python" -m benchmarks.precision "$out/precision"
}

dry() {
    be_dry
    local data
    data=$(mktemp -d)
    trap "rm -r '$data'" EXIT
    "$python" -m benchmarks.gpu text "$data/text"
    for each in "$@"; do
        echo "== $each"
        case $each in
            multi30k) part multi30k 1 "$data/text" ;;
            precision) part precision "$data/text" ;;
            *) part "$each" ;;
        esac
    done
}

part() {
    [[ " ${parts[*]} " == *" $1 "* ]] || refuse "there is no part '$1'" "the parts: ${parts[*]}"
    mkdir -p "$out"
    case $1 in
        checks) "${limit[@]}" "$python" -m benchmarks.gpu checks "${place[@]}" --size "${size:-base}" ;;
        train-base) train "${size:-base}" ;;
        train-big) train "${size:-big}" ;;
        decode) decode ;;
        multi30k) multi30k "${@:2}" ;;
        precision) precision "${@:2}" ;;
    esac
}

batches=()
case ${1:-} in
    list) echo "${parts[@]}" ;;
    --dry-run) shift && (($#)) || set -- "${parts[@]}"; dry "$@" ;;
    "") usage ;;
    *) part "$@" ;;
esac
