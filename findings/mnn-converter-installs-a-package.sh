#!/usr/bin/env bash
# mnn 3.6.1: to import MNN.tools.mnnconvert, which is what the program mnnconvert does, runs
# `pip install -U aliyun-log-python-sdk` with the first pip on the PATH, whichever Python that belongs to; with
# it the program then reports to a server that a file was converted. `_tools.mnnconvert(arguments)` is the
# converter alone.
#
# The pip that is found here is a script that writes down what it was asked for, and installs nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy mnn==3.6.1
mkdir "$folder/bin"
printf '#!/bin/sh\necho "pip $*" >> %s\n' "$folder/asked" > "$folder/bin/pip"
chmod +x "$folder/bin/pip"
PATH="$folder/bin:$PATH" "$folder/venv/bin/python" -c "import MNN.tools.mnnconvert" > /dev/null
sort -u "$folder/asked" | tee "$folder/once"
test "$(cat "$folder/once")" = "pip install -U aliyun-log-python-sdk"
