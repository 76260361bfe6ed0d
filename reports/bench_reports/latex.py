"""A board as LaTeX tables: booktabs, the best value of each column bold, what is tied with it underlined."""

from __future__ import annotations

from collections.abc import Sequence

from bench_reports.board import Board, TaskBoard
from bench_reports.rendering import Column, columns, failures

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "≈": r"$\approx$",
        "→": r"$\rightarrow$",
        "…": r"\ldots{}",
        "–": "--",
        "—": "---",
        "±": r"$\pm$",
        "×": r"$\times$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
    }
)
_LEFT_OUT = {"#", "users/s", "memory"}
"""Columns that no paper prints."""


def render_latex(board: Board) -> str:
    """One `table` environment a task. Needs the package booktabs. What a caption has no room for is a comment above."""
    return "\n\n".join(_table(task) for task in board.tasks)


def _table(board: TaskBoard) -> str:
    shown = [column for column in columns(board) if column.header not in _LEFT_OUT]
    kinds = "".join("l" if column.is_text else "r" for column in shown)
    rows = [_row(shown, index, board) for index in range(len(board.rows))]
    lines = [
        *(f"% {line}" for note in _beside(board) for line in note.splitlines()),
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(_caption(board))}}}",
        rf"\label{{tab:{board.suite}-{board.task}}}",
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        _cells([escaped(column.header) for column in shown]),
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def _row(shown: Sequence[Column], index: int, board: TaskBoard) -> str:
    """The values of the metric that ranks are underlined where they cannot be told from the best."""
    cells = []
    for column in shown:
        cell = escaped(column.cells[index])
        if index in column.best:
            cell = rf"\textbf{{{cell}}}"
        elif column.header == board.sort and board.rows[index].tied:
            cell = rf"\underline{{{cell}}}"
        cells.append(cell)
    return _cells(cells)


def _cells(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _caption(board: TaskBoard) -> str:
    """The protocol, the test, and which rows failed."""
    ranked = board.candidates or "the full catalogue is ranked without the items of the user's history"
    said = [note.replace("≈ not separable", "underlined: not separable") for note in _tests(board)]
    return " ".join([f"{board.title}; {ranked}. Best values are bold.", *map(_sentence, [*said, *failures(board)])])


def _tests(board: TaskBoard) -> list[str]:
    return [note for note in board.notes if f" by {board.sort}" in note and " t test " in note]


def _beside(board: TaskBoard) -> list[str]:
    """What else a reader of the numbers should know."""
    said = _tests(board)
    return [note for note in board.notes if note not in said]


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:].rstrip(".") + "."


def escaped(text: str) -> str:
    """`text` with what LaTeX would take for a command made harmless."""
    return text.translate(_ESCAPES)
