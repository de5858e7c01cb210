#!/usr/bin/env bash
# scikit-learn 1.7 and later: MLPRegressor got loss as its first argument, before hidden_layer_sizes. A call that
# gives the layers by position, right until 1.6 and still right for MLPClassifier, is refused by fit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/try.py" <<'PYTHON'
import warnings

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

warnings.simplefilter("ignore")
X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])


def fit(estimator):
    try:
        return [each.shape for each in estimator.fit(X, y).coefs_]
    except ValueError as error:
        return str(error)[:46]


print(sklearn.__version__, "| MLPClassifier((2,)):", fit(MLPClassifier((2,))),
      "| MLPRegressor((2,)):", fit(MLPRegressor((2,))))
PYTHON
for version in 1.6.1 1.9.1; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install -q "scikit-learn==$version"
    "$folder/$version/bin/python" "$folder/try.py" | tee -a "$folder/said"
done
# Seen on 2026-11-30:
diff "$folder/said" - <<'SEEN'
1.6.1 | MLPClassifier((2,)): [(1, 2), (2, 1)] | MLPRegressor((2,)): [(1, 2), (2, 1)]
1.9.1 | MLPClassifier((2,)): [(1, 2), (2, 1)] | MLPRegressor((2,)): The 'loss' parameter of MLPRegressor must be a
SEEN
echo "as seen"
