// The plots of a report, in order. A new one is a file that exports {id, title, build(view)} and a line here; build
// gives {explains, rows, spec}, or null where the report has nothing for it.
import amplification from "./amplification.js";
import curves from "./curves.js";
import { bandwidth, iops } from "./device.js";
import hits from "./hits.js";
import pareto from "./pareto.js";
import percentiles from "./percentiles.js";
import predicted from "./predicted.js";
import readLatency from "./read_latency.js";
import stall from "./stall.js";
import stallCause from "./stall_cause.js";
import tokenTime from "./token_time.js";

export const SECTIONS = [
  pareto,
  percentiles,
  stall,
  stallCause,
  tokenTime,
  hits,
  curves,
  bandwidth,
  iops,
  readLatency,
  amplification,
  predicted,
];
