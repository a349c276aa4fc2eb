"""Plain values to YAML that our reader reads as the same values."""

import yaml

from compiler.source.read import plain_value


class Dumper(yaml.SafeDumper):
    """Quotes every text that our reader, which follows YAML 1.2, would take for something else."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    quoted = not isinstance(plain_value(text), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if quoted else None)


Dumper.add_representer(str, _text)


def flow(value: object) -> str:
    """A value on one line."""
    text: str = yaml.dump(
        value,
        Dumper=Dumper,
        default_flow_style=True,
        width=10**6,
        allow_unicode=True,
        sort_keys=False,
    )
    return text.removesuffix("\n").removesuffix("\n...")
