"""Tables out of results."""

from typing import Any

import pytest

from benchmarks.engines.engine import Practice
from benchmarks.goals import decoding_goals, training_goal
from benchmarks.report import decoding_table, page, training_table

pytestmark = pytest.mark.quick

TRAINING_CASE: dict[str, Any] = {
    "size": "tiny",
    "attention_dropout": 0.1,
    "parameters": 2_568_192,
    "batch_tokens": 4096,
    "tokens_a_round": [1000, 1000],
    "flops_a_token": 1e7,
    "peak_flops": 2e11,
    "engines": [
        {"name": "ours", "median": 8000.0, "ours_to_this": 1.0, "memory_bytes": 2**29},
        {"name": "marian", "median": 4000.0, "ours_to_this": 2.04, "memory_bytes": 2**30},
    ],
}
DECODING_CASES: list[dict[str, Any]] = [
    {
        "case": "tiny: greedy",
        "sentences": 1000,
        "equal_where_generate_searches_on": None,
        "engines": [
            {"name": "ours", "median": 20_000.0, "ours_to_this": 1.0, "equal": 1.0},
            {"name": "ours int8", "median": 22_000.0, "ours_to_this": 1.0, "equal": 0.9},
            {"name": "ctranslate2", "median": 25_000.0, "ours_to_this": 0.8, "equal": 0.999},
        ],
    },
    {
        "case": "tiny: beam 4",
        "sentences": 100,
        "equal_where_generate_searches_on": 0.995,
        "engines": [{"name": "ours", "median": 5000.0, "ours_to_this": 1.0, "equal": 1.0}],
    },
]
MACHINE = {"cores": 2, "threads": 2, "instruction set": "AVX512", "system": "Linux"}
COMMAND = {"device": "cpu", "rounds": 7, "random_text": None}


def test_a_table_of_training() -> None:
    assert training_table(TRAINING_CASE).splitlines() == [
        "**tiny, 2.6 million parameters, batches of 4,096 tokens, attention dropout 0.1; "
        "peak 200 GFLOP/s**",
        "",
        "| engine | tokens/s | times as fast is specformer | memory, GiB | share of peak |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| specformer | 8,000 |  | 0.50 | 40% |",
        "| transformers, Marian | 4,000 | 2.04x | 1.00 | 20% |",
    ]


def test_a_table_of_the_fastest_ways_names_them() -> None:
    practices = {"ours": str(Practice(precision="bfloat16", is_compiled=True))}
    lines = training_table({**TRAINING_CASE, "practices": practices}).splitlines()
    assert lines[2].endswith("| share of peak | fastest setting of its trials |")
    assert lines[-2].endswith("| 40% | bfloat16, attention fused, compiled |")


def test_a_table_of_decoding_has_a_column_for_each_engine_of_any_case() -> None:
    lines = decoding_table(DECODING_CASES).splitlines()
    assert lines[0] == "| case | sentences | specformer | CTranslate2 | specformer, int8 |"
    assert lines[2] == "| tiny: greedy | 1,000 | 20,000 | 25,000 (0.80x) | 22,000 |"
    assert lines[3] == "| tiny: beam 4 | 100 | 5,000 |  |  |"
    assert lines[-2] == "| tiny: greedy | 99.9% | 90.0% |  |"
    assert lines[-1] == "| tiny: beam 4 |  |  | 99.5% |"


def test_a_page_says_what_ran_where() -> None:
    training = {
        "benchmark": "train",
        "machine": MACHINE,
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "command": {**COMMAND, "peers_compiled": True, "settings": ["training.compile=true"]},
        "cases": [TRAINING_CASE],
    }
    decoding = {
        "benchmark": "decode",
        "machine": {**MACHINE, "GPU": "Some GPU"},
        "versions": {"torch": "2.13.0"},
        "command": {**COMMAND, "device": "cuda", "random_text": 37_000, "workers": 1},
        "cases": DECODING_CASES,
    }
    text = page([training, decoding])
    assert "## Training, on 2 cores with AVX512\n" in text
    assert (
        "python 3.11.7, torch 2.13.0; 7 rounds; threads: 2; the other libraries through "
        "torch.compile; training.compile=true.\n"
    ) in text
    assert "## Decoding, on Some GPU\n" in text
    assert "workers: 1; bfloat16; random sentences from 37,000 tokens.\n" in text


def test_a_goal_stands_below_its_table_with_its_bound() -> None:
    """What is not reached is said; other settings, and other machines, have no goal."""
    practices = {"ours": str(Practice(precision="float32"))}
    marian = {"name": "marian", "median": 7000.0, "ours_to_this": 1.18, "memory_bytes": 2**30}
    engines = [TRAINING_CASE["engines"][0], marian, {**marian, "ours_to_this": 1.3}]
    case = {**TRAINING_CASE, "practices": practices, "engines": engines}
    said = "The goal: 1.25 times the speed of the fastest of the others; "
    missed = training_goal(case) or ""
    assert missed.startswith(f"{said}not reached: 1.18. What bounds it: matrix products")
    engines[1] = {**marian, "ours_to_this": 1.26}
    assert training_goal(case) == f"{said}reached: 1.26."
    assert training_goal({**case, "size": "big"}) is None
    assert training_goal(TRAINING_CASE) is None, "it was not measured with the settings of trials"
    results = {
        "benchmark": "train",
        "machine": MACHINE,
        "versions": {"python": "3.11.7"},
        "command": COMMAND,
        "cases": [case],
    }
    assert f"\n\n{said}" in page([results])
    for other in ({"device": "cuda"}, {"plain_memory": True}):
        assert said not in page([{**results, "command": {**COMMAND, **other}}])


def test_goals_of_decoding_are_a_list() -> None:
    generate = {"name": "marian", "median": 4000.0, "ours_to_this": 1.5, "equal": 1.0}
    engines = [DECODING_CASES[1]["engines"][0], generate]
    case = {**DECODING_CASES[1], "case": "tiny, 20 tokens: beam 4", "engines": engines}
    (line,) = decoding_goals([case, DECODING_CASES[0]])
    assert line.startswith(
        "- tiny, 20 tokens: beam 4: 2.00 times the speed of `generate`; not reached: 1.50. What"
    )
