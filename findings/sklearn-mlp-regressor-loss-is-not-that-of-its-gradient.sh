#!/usr/bin/env bash
# scikit-learn 1.6 to 1.9: MLPRegressor's loss_ is the mean over the targets, and the gradient that it descends
# is that of their sum. A small step of plain gradient descent lowers a cost by the step times the square of its
# gradient; with k targets loss_ falls by the k-th part of that. The penalty alpha is in both unchanged, so it
# weighs k times as much in loss_ as in what is minimised.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/try.py" <<'PYTHON'
import warnings

import numpy as np
import sklearn
from sklearn.neural_network import MLPRegressor

warnings.simplefilter("ignore")
random = np.random.RandomState(0)
X, rate = random.randn(50, 4), 1e-6


def ratio(k):
    y = random.randn(50, k)
    plain = {"solver": "sgd", "batch_size": 50, "momentum": 0, "shuffle": False, "alpha": 0}
    mlp = MLPRegressor(hidden_layer_sizes=(6,), activation="tanh", learning_rate_init=rate,
                       max_iter=1, warm_start=True, random_state=0, **plain)
    mlp.fit(X, y)
    before = [p.copy() for p in (*mlp.coefs_, *mlp.intercepts_)]
    mlp.fit(X, y)
    mlp.fit(X, y)
    after = (*mlp.coefs_, *mlp.intercepts_)
    # Two steps: loss_curve_ has the loss before each of them, the first of which is that of `before`.
    squared = sum(((a - b) ** 2).sum() for a, b in zip(after, before)) / 4 / rate**2
    return (mlp.loss_curve_[1] - mlp.loss_curve_[2]) / (rate * squared)


found = ", ".join(f"{k} targets: {ratio(k):.3f}" for k in (1, 2, 5))
print(f"{sklearn.__version__} | fall of loss_ / (step * squared gradient): {found}")
PYTHON
for version in 1.6.1 1.9.1; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install -q "scikit-learn==$version"
    "$folder/$version/bin/python" "$folder/try.py" | tee -a "$folder/said"
done
# Seen on 2026-11-30:
diff "$folder/said" - <<'SEEN'
1.6.1 | fall of loss_ / (step * squared gradient): 1 targets: 1.000, 2 targets: 0.500, 5 targets: 0.200
1.9.1 | fall of loss_ / (step * squared gradient): 1 targets: 1.000, 2 targets: 0.500, 5 targets: 0.200
SEEN
echo "as seen"
