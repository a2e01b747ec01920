// llama.cpp's side of scripts/compare-llama-cpp.sh, by node-llama-cpp's prebuilt library: the measurements of
// experiments/bench/bench_decoder.cc on the same file and token ids. Prints one JSON object. 0 repeats: the start only.
//   node compare-llama-cpp.mjs MODEL TOKENS_FILE [--prefill N,N..] [--decode CONTEXT,..] [--repeats N]
import fs from "node:fs";
import process from "node:process";
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const THREADS = 2, CONTEXT_TOKENS = 2304, CHUNK_TOKENS = 512, DECODE_TOKENS = 24;

const [modelPath, tokensPath, ...options] = process.argv.slice(2);
const settings = {"--prefill": "128,512,2048", "--decode": "64,2048", "--repeats": "3"};
for (let i = 0; i < options.length; i += 2) settings[options[i]] = options[i + 1];
const numbers = (text) => text.split(",").map(Number);
const PREFILL_TOKENS = numbers(settings["--prefill"]), DECODE_CONTEXTS = numbers(settings["--decode"]);
const REPEATS = Number(settings["--repeats"]);
const ids = fs.readFileSync(tokensPath, "utf8").trim().split(/\s+/).map(Number);
// The package lies where the shell script installed it, not beside this file.
const {getLlama, LlamaLogLevel} =
  await import(pathToFileURL(createRequire(process.cwd() + "/").resolve("node-llama-cpp")));

const seconds = (start) => (performance.now() - start) / 1000;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const start = performance.now();
const llama = await getLlama({gpu: false, build: "never", maxThreads: THREADS, logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath, gpuLayers: 0});
const context = await model.createContext({contextSize: CONTEXT_TOKENS, batchSize: CHUNK_TOKENS, threads: THREADS});
const sequence = context.getSequence();
const result = {level: llama.systemInfo, load_s: seconds(start)};

// Logits of the last token only; greedy choice is the least that the library can be asked for with them.
async function forward(first, last) {
  const begin = performance.now();
  const wanted = [ids[last - 1], {generateNext: {token: true, options: {temperature: 0}}}];
  await sequence.controlledEvaluate([...ids.slice(first, last - 1), wanted]);
  return seconds(begin);
}

await forward(0, 1);
result.start_to_first_logits_s = seconds(start);
result.start_device_bytes = Number(fs.readFileSync("/proc/self/io", "utf8").match(/^read_bytes: (\d+)/m)[1]);
const prefill = {}, decode = {};
for (let repeat = 0; repeat < REPEATS; ++repeat) {
  for (const tokens of PREFILL_TOKENS) {
    await sequence.clearHistory();
    (prefill[tokens] ??= []).push(tokens / await forward(0, tokens));
  }
  for (const length of DECODE_CONTEXTS) {
    await sequence.clearHistory();
    await forward(0, length);
    let time = 0;
    for (let at = length; at < length + DECODE_TOKENS; ++at) time += await forward(at, at + 1);
    (decode[length] ??= []).push(DECODE_TOKENS / time);
  }
}
result.prefill = Object.fromEntries(Object.entries(prefill).map(([k, v]) => [k, median(v)]));
result.decode = Object.fromEntries(Object.entries(decode).map(([k, v]) => [k, median(v)]));
result.peak_rss_bytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify(result));
process.exit(0);
