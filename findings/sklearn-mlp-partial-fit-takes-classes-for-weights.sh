#!/usr/bin/env bash
# scikit-learn 1.7 and later: MLPClassifier.partial_fit got sample_weight as its third argument, before classes.
# A call that gives the classes by position, right until 1.6, then says that classes were not passed, although
# they were. By keyword both versions take them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/try.py" <<'PYTHON'
import sys
import warnings

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore")
X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])


def fit(*args, **kwargs):
    try:
        return MLPClassifier((2,), random_state=0).partial_fit(X, y, *args, **kwargs).classes_.tolist()
    except ValueError as error:
        return str(error)


print(sklearn.__version__, "| by position:", fit([0, 1]), "| by keyword:", fit(classes=[0, 1]))
PYTHON
for version in 1.6.1 1.9.1; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install -q "scikit-learn==$version"
    "$folder/$version/bin/python" "$folder/try.py" | tee -a "$folder/said"
done
# Seen on 2026-11-29:
diff "$folder/said" - <<'SEEN'
1.6.1 | by position: [0, 1] | by keyword: [0, 1]
1.9.1 | by position: classes must be passed on the first call to partial_fit. | by keyword: [0, 1]
SEEN
echo "as seen"
