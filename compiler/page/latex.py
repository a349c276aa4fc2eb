r"""A table for a paper, in LaTeX with booktabs: `\input` it; the preamble needs `booktabs`."""

import re

from compiler.page.model import Column, Table

SIGNS = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "×": r"$\times$",
    "Δ": r"$\Delta$",
    "†": r"$^\dagger$",
    "*": r"$^*$",
    "ε": r"$\epsilon$",
}
SIGN = re.compile("|".join(re.escape(sign) for sign in SIGNS))
POWER = re.compile("10([⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def latex(table: Table, caption: str, label: str) -> str:
    """Return a table that floats, with a rule above each group and its notes below."""
    return "\n".join(
        [
            r"% needs \usepackage{amsmath,booktabs}",
            r"\begin{table}",
            r"  \centering",
            r"  \small",
            rf"  \caption{{{escaped(caption)}.}}",
            rf"  \label{{tab:{re.sub('[^A-Za-z0-9-]', '-', label)}}}",
            rf"  \begin{{tabular}}{{{''.join(each.align[0] for each in table.columns)}}}",
            r"    \toprule",
            _line([_head(column) for column in table.columns]),
            *(line for number in range(len(table.rows)) for line in _row(table, number)),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"  \par\medskip",
            r"  \begin{minipage}{\linewidth}\footnotesize",
            *(f"    {escaped(note)}\\par" for note in table.notes),
            r"  \end{minipage}",
            r"\end{table}",
            "",
        ]
    )


def _row(table: Table, number: int) -> list[str]:
    line = _line([escaped(cell) for cell in table.texts[number]])
    return [r"    \midrule", line] if number in table.groups else [line]


def _line(cells: list[str]) -> str:
    return rf"    {' & '.join(cells)} \\"


def _head(column: Column) -> str:
    r"""Return the name; of a symbol as mathematics, with an upright word below: $d_{\text{ff}}$."""
    if not column.symbol:
        return escaped(column.name)
    letter, _, below = column.name.partition("_")
    letter = SIGNS.get(letter, letter).strip("$")
    below = rf"{{\text{{{below}}}}}" if len(below) > 1 else below
    return f"${letter}_{below}$" if below else f"${letter}$"


def escaped(text: str) -> str:
    r"""Return any text as LaTeX prints it: `10⁶` as $10^{6}$."""
    signs = SIGN.sub(lambda found: SIGNS[found.group()], text)
    return POWER.sub(lambda found: f"$10^{{{found.group(1).translate(DIGITS)}}}$", signs)
