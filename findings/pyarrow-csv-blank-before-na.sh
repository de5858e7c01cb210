#!/usr/bin/env bash
# pyarrow 26.0.1: blanks around a number of a CSV file do not count, blanks around a missing value do.
#
# With a column of float64, " 1.5 " is 1.5 and "NA" is null, but of " NA" the reader says, without the
# blank:
#
#   ArrowInvalid: In CSV column #0: CSV conversion error to double: invalid value 'NA'
#
# The spellings in null_values are compared with the cell before it is trimmed: " NA" has to be among
# them. The adult data of UCI have such cells, " ?" among " 39".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import io

import pyarrow
from pyarrow import csv


def read(content, **options):
    convert = csv.ConvertOptions(column_types={"x": pyarrow.float64()}, **options)
    return csv.read_csv(io.BytesIO(content), convert_options=convert)["x"].to_pylist()


assert read(b"x,y\n 1.5 ,a\nNA,b\n") == [1.5, None]
try:
    read(b"x,y\n 1.5 ,a\n NA,b\n")
except pyarrow.ArrowInvalid as error:
    print(f"' NA': {error}")
    assert "invalid value 'NA'" in str(error)
else:
    raise SystemExit("changed: a blank before NA does not count")
print("with ' NA' in null_values:", read(b"x,y\n 1.5 ,a\n NA,b\n", null_values=["NA", " NA"]))
PYTHON
