// Runs every case by one package of npm, from a copy in the folder where that is installed:
// node node_worker.mjs PACKAGE DEVICE CASES OUT
//
// Rows are in NAME.rows.json as {shape, data: base64 of float32}; the outputs are written likewise.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const [name, device, cases, out] = process.argv.slice(2);

async function onnxruntime() {
  const module = await import(name);
  const ort = module.InferenceSession ? module : module.default;
  return async (path) => {
    const session = await ort.InferenceSession.create(readFileSync(path));
    return async (shape, data) => {
      const found = await session.run({ X: new ort.Tensor("float32", data, shape) });
      return session.outputNames.map((each) => [found[each].dims, found[each].data]);
    };
  };
}

async function jaxJs() {
  const [{ ONNXModel }, jax] = [await import(name), await import("@jax-js/jax")];
  await jax.init(device);
  jax.defaultDevice(device);
  return async (path) => {
    const model = new ONNXModel(readFileSync(path));
    return async (shape, data) => {
      const found = model.run({ X: jax.numpy.array(data).reshape(shape) });
      const outputs = Object.keys(found).sort(); // label, probabilities
      return Promise.all(outputs.map(async (each) => [found[each].shape, await found[each].data()]));
    };
  };
}

const reader = await (name === "@jax-js/onnx" ? jaxJs() : onnxruntime());
for (const folder of readdirSync(cases).sort()) {
  for (const labels of JSON.parse(readFileSync(`${cases}/${folder}/labels.json`))) {
    const facts = {};
    try {
      const run = await reader(`${cases}/${folder}/${labels}.onnx`);
      for (const question of ["X", "one", "none", "nan"]) {
        const { shape, data } = JSON.parse(readFileSync(`${cases}/${folder}/${question}.rows.json`));
        const bytes = Uint8Array.from(Buffer.from(data, "base64"));
        try {
          const found = await run(shape, new Float32Array(bytes.buffer));
          const plain = found.map(([dims, values]) => ({
            shape: dims,
            type: values.constructor.name,
            values: Array.from(values, (value) => (typeof value === "bigint" ? Number(value) : value))
              .map((value) => (Number.isNaN(value) ? "NaN" : value)),
          }));
          writeFileSync(`${out}/${folder}.${labels}.${question}.json`, JSON.stringify(plain));
          facts[question] = "ran";
        } catch (error) {
          if (question === "X") throw error;
          facts[question] = String(error);
        }
      }
    } catch (error) {
      facts.problem = String(error);
    }
    writeFileSync(`${out}/${folder}.${labels}.json`, JSON.stringify(facts));
  }
}
process.exit(0);
