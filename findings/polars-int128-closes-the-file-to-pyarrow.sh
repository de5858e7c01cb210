#!/usr/bin/env bash
# polars 2.1.0 and pyarrow 26.0.1: a column of Int128 makes a Parquet file that pyarrow does not open,
# not even for its other columns or its metadata.
#
# polars stores Int128 as FIXED_LEN_BYTE_ARRAY(16), which pyarrow reads, and adds the schema of Arrow
# under the key "ARROW:schema", where the type is an integer of 128 bits, which pyarrow does not know:
#
#   ParquetFile(...): ArrowNotImplementedError: Integers with more than 64 bits not implemented
#
# With that key renamed in the footer (same length, so no offset moves) the file opens, the other
# columns have their values, and the column is fixed_size_binary[16].
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q polars==2.1.0 pyarrow==26.0.1
"$folder/venv/bin/python" - "$folder/ids.parquet" <<'PYTHON'
import io
import sys

import polars
import pyarrow
from pyarrow import parquet

path = sys.argv[1]
ids = polars.Series("id", [1, 2, 3], polars.Int128)
polars.DataFrame([ids, polars.Series("x", [0.5, 1.5, 2.5])]).write_parquet(path)

for read in (parquet.ParquetFile, parquet.read_metadata, parquet.read_schema):
    try:
        read(path)
    except pyarrow.ArrowNotImplementedError as error:
        print(f"{read.__name__}: {error}")
    else:
        raise SystemExit(f"changed: {read.__name__} opens the file")

content = open(path, "rb").read().replace(b"ARROW:schema", b"other:schema")
table = parquet.read_table(io.BytesIO(content))
print(table.schema.to_string(), table["x"].to_pylist())
assert str(table.schema.field("id").type) == "fixed_size_binary[16]"
assert table["x"].to_pylist() == [0.5, 1.5, 2.5]
PYTHON
