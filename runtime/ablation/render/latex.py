r"""The table for a paper, in LaTeX with booktabs: `\input` it; the preamble needs `booktabs`."""

import re

from runtime.ablation.render.grid import Grid, Head, Record

NAMES = {
    "N": "$N$",
    "N_enc": r"$N_{\text{enc}}$",
    "N_dec": r"$N_{\text{dec}}$",
    "d_model": r"$d_{\text{model}}$",
    "d_ff": r"$d_{\text{ff}}$",
    "h": "$h$",
    "d_k": "$d_k$",
    "d_v": "$d_v$",
    "P_drop": r"$P_{\textit{drop}}$",
    "ε_ls": r"$\epsilon_{\textit{ls}}$",
}
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


def latex(grid: Grid, title: str, base: str) -> str:
    heads = grid.heads
    return "\n".join(
        [
            r"% needs \usepackage{amsmath,booktabs}",
            r"\begin{table}",
            r"  \centering",
            r"  \small",
            rf"  \caption{{{escape(f'{title}: variations of {base}')}.}}",
            rf"  \label{{tab:{re.sub('[^A-Za-z0-9-]', '-', title)}}}",
            rf"  \begin{{tabular}}{{{''.join(map(alignment, heads))}}}",
            r"    \toprule",
            table_line([NAMES.get(head.name) or escape(head.name) for head in heads]),
            *(line for record in grid.records for line in record_lines(record)),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"  \par\medskip",
            r"  \begin{minipage}{\linewidth}\footnotesize",
            *(f"    {escape(note)}\\par" for note in grid.notes),
            r"  \end{minipage}",
            r"\end{table}",
            "",
        ]
    )


def alignment(head: Head) -> str:
    """Settings are centred, as in the paper."""
    return {"group": "l", "row": "l", "setting": "c"}.get(head.kind, "r")


def record_lines(record: Record) -> list[str]:
    line = table_line([escape(cell) for cell in record.cells])
    return [r"    \midrule", line] if record.starts_group else [line]


def table_line(cells: list[str]) -> str:
    return rf"    {' & '.join(cells)} \\"


def escape(text: str) -> str:
    r"""Any text as LaTeX prints it: `10⁶` as $10^{6}$."""
    signs = SIGN.sub(lambda found: SIGNS[found.group()], text)
    return POWER.sub(lambda found: f"$10^{{{found.group(1).translate(DIGITS)}}}$", signs)
