import { barSection } from "./common.js";

export default barSection({
  id: "hits",
  title: "Hit ratio per tier",
  explains: "Share of a cache's own lookups that it answered; a lower tier is asked only what the upper one missed.",
  parts: [
    { metric: "hit_ratio_vram", part: "vram" },
    { metric: "hit_ratio_ram", part: "ram" },
  ],
  unit: "hit ratio",
  format: ".0%",
});
