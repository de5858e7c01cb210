#!/usr/bin/env bash
# @jax-js/jax (as @jax-js/onnx 0.1.2 installs it), on the device "wasm" under node 20: log of numbers between
# 1 and 2 is up to 1.2e-5 off, a hundred times what float32 allows. On the device "cpu" it is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{}' > package.json
npm install --silent --ignore-scripts @jax-js/onnx@0.1.2
cat > log.mjs <<'JAVASCRIPT'
import * as jax from "@jax-js/jax";

const n = 4001;
const x = new Float32Array(n).map((_, i) => 1 + i / (n - 1));
for (const [device, low, high] of [["wasm", 1e-6, 1e-4], ["cpu", 0, 1e-7]]) {
  await jax.init(device);
  jax.defaultDevice(device);
  const found = await jax.numpy.log(jax.numpy.array(x)).data();
  const worst = Math.max(...found.map((value, i) => Math.abs(value - Math.log(x[i]))));
  console.log(`${device}: log is off by up to ${worst.toExponential(1)}`);
  if (!(low <= worst && worst < high)) process.exit(1);
}
JAVASCRIPT
node log.mjs
