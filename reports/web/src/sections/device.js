import { barRows, INTERVALS_CUT, pointSpec } from "./common.js";

// From the machine's profile, where the plan names one.
function limitOf(view, key) {
  return view.report.manifests.map((manifest) => manifest.limits?.[key]).find((limit) => limit > 0);
}

function deviceSection({ id, title, metric, limitKey, unit }) {
  return {
    id,
    title,
    build(view) {
      const { rows, note } = barRows(view, [{ metric, part: title }]);
      if (rows.length === 0) return null;
      const limit = limitOf(view, limitKey);
      const about = limit
        ? "The dashed line is what the device does at its best, as the profile of the machine says."
        : "The plan names no profile of the machine, so its limit is not shown.";
      return {
        explains: `${title} while at least one read was in flight. ${about}${INTERVALS_CUT}${note}`,
        rows,
        spec: pointSpec({ unit, intervals: true, limit, legend: false, format: "~s" }),
      };
    },
  };
}

export const bandwidth = deviceSection({
  id: "bandwidth",
  title: "Device bandwidth",
  metric: "device_bandwidth_bytes_per_s",
  limitKey: "bandwidth_bytes_per_s",
  unit: "bytes/s",
});
export const iops = deviceSection({
  id: "iops",
  title: "Device reads a second",
  metric: "device_iops",
  limitKey: "iops",
  unit: "reads/s",
});
