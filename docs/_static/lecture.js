// The lecture's equations once more, for the interactive lab: gdnet/equations.py in JavaScript.
//
// A matrix is {rows, columns, data}, data row by row in a Float64Array. Examples are columns.
"use strict";

const lecture = (() => {
  const zeros = (rows, columns) => ({ rows, columns, data: new Float64Array(rows * columns) });

  const matrix = (rows) => ({
    rows: rows.length,
    columns: rows[0].length,
    data: Float64Array.from(rows.flat()),
  });

  function product(A, B) {                               // A B
    const C = zeros(A.rows, B.columns);
    for (let i = 0; i < A.rows; i++)
      for (let k = 0; k < A.columns; k++) {
        const a = A.data[i * A.columns + k];
        for (let j = 0; j < B.columns; j++)
          C.data[i * B.columns + j] += a * B.data[k * B.columns + j];
      }
    return C;
  }

  function productT(A, B) {                              // A Bᵀ
    const C = zeros(A.rows, B.rows);
    for (let i = 0; i < A.rows; i++)
      for (let j = 0; j < B.rows; j++) {
        let sum = 0;
        for (let k = 0; k < A.columns; k++)
          sum += A.data[i * A.columns + k] * B.data[j * B.columns + k];
        C.data[i * B.rows + j] = sum;
      }
    return C;
  }

  function transposed(A) {
    const C = zeros(A.columns, A.rows);
    for (let i = 0; i < A.rows; i++)
      for (let j = 0; j < A.columns; j++) C.data[j * A.rows + i] = A.data[i * A.columns + j];
    return C;
  }

  function plusColumn(A, b) {                            // b is added to every column
    const C = zeros(A.rows, A.columns);
    for (let i = 0; i < A.rows; i++)
      for (let j = 0; j < A.columns; j++)
        C.data[i * A.columns + j] = A.data[i * A.columns + j] + b.data[i];
    return C;
  }

  function rowSums(A) {                                  // kept as a column
    const c = zeros(A.rows, 1);
    for (let i = 0; i < A.rows; i++)
      for (let j = 0; j < A.columns; j++) c.data[i] += A.data[i * A.columns + j];
    return c;
  }

  function each(f, A, B = A) {                           // f of every number, or of every pair
    const C = zeros(A.rows, A.columns);
    for (let i = 0; i < C.data.length; i++) C.data[i] = f(A.data[i], B.data[i]);
    return C;
  }

  const times = (factor, A) => each((a) => factor * a, A);
  const minus = (A, B) => each((a, b) => a - b, A, B);

  const sigmoid = (z) => Math.exp(Math.min(z, 0)) / (1 + Math.exp(-Math.abs(z)));

  // g1 and g1', the latter as a function of a = g1(z).
  const activations = {
    tanh: { value: Math.tanh, slope: (a) => 1 - a * a },
    sigmoid: { value: sigmoid, slope: (a) => a * (1 - a) },
    relu: { value: (z) => Math.max(z, 0), slope: (a) => (a > 0 ? 1 : 0) },
    leaky_relu: { value: (z) => Math.max(z, 0.01 * z), slope: (a) => (a > 0 ? 1 : 0.01) },
    identity: { value: (z) => z, slope: () => 1 },
  };

  function forward({ W1, b1, W2, b2 }, X, g1) {
    const Z1 = plusColumn(product(W1, X), b1);           // 1. Z1 = W1 X + b1           (n1, m)
    const A1 = each(g1.value, Z1);                       // 2. A1 = g1(Z1)              (n1, m)
    const Z2 = plusColumn(product(W2, A1), b2);          // 3. Z2 = W2 A1 + b2          (n2, m)
    const A2 = each(sigmoid, Z2);                        // 4. A2 = sigmoid(Z2)         (n2, m)
    return { Z1, A1, Z2, A2 };
  }

  function cost({ Z2 }, Y) {                             // J, from Z2: log A2 may be infinite
    const losses = each((z, y) => Math.max(z, 0) - y * z + Math.log1p(Math.exp(-Math.abs(z))), Z2, Y);
    return losses.data.reduce((sum, L) => sum + L, 0) / Y.columns;
  }

  function backward({ W2 }, X, Y, { A1, A2 }, g1) {
    const m = X.columns;
    const dZ2 = minus(A2, Y);                            // 1. dZ2 = A2 - Y             (n2, m)
    const dW2 = times(1 / m, productT(dZ2, A1));         // 2. dW2 = 1/m dZ2 A1'       (n2, n1)
    const db2 = times(1 / m, rowSums(dZ2));              // 3. db2 = 1/m sum of dZ2     (n2, 1)
    const dZ1 = each((d, a) => d * g1.slope(a), product(transposed(W2), dZ2), A1);
                                                         // 4. dZ1 = W2' dZ2 * g1'(Z1)  (n1, m)
    const dW1 = times(1 / m, productT(dZ1, X));          // 5. dW1 = 1/m dZ1 X'        (n1, n0)
    const db1 = times(1 / m, rowSums(dZ1));              // 6. db1 = 1/m sum of dZ1     (n1, 1)
    return { dW1, db1, dW2, db2 };
  }

  function update({ W1, b1, W2, b2 }, { dW1, db1, dW2, db2 }, alpha) {
    return {
      W1: minus(W1, times(alpha, dW1)),
      b1: minus(b1, times(alpha, db1)),
      W2: minus(W2, times(alpha, dW2)),
      b2: minus(b2, times(alpha, db2)),
    };
  }

  // The start of the lab: `normals` are those that gdnet draws for its seed.
  function start(normals, kind) {
    const [W1, W2] = [matrix(normals.W1), matrix(normals.W2)];
    const scaled = (W) =>
      times(kind === "zeros" ? 0 : kind === "lab" ? 0.01 : 1 / Math.sqrt(W.columns), W);
    return { W1: scaled(W1), b1: zeros(W1.rows, 1), W2: scaled(W2), b2: zeros(1, 1) };
  }

  return { activations, backward, cost, forward, matrix, start, update };
})();

if (typeof module !== "undefined") module.exports = lecture;
