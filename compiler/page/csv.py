"""A table for programs: comma-separated values."""

import csv
import io

from compiler.page.model import Table


def as_csv(table: Table) -> str:
    """Return the names of the columns and the rows; notes are left out."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows(table.texts)
    return file.getvalue()
