// How many reads to keep in flight: climbs while more in flight complete faster, steps back where they only wait longer
// in the device. Pure; not thread-safe.
#pragma once

#include <cstdint>

namespace tierscope {

class DepthController {
 public:
  explicit DepthController(uint32_t max_depth);
  uint32_t depth() const { return depth_; }
  // `completed` reads finished within the last `nanoseconds`, in which the queue never ran dry.
  void add(uint64_t completed, uint64_t nanoseconds);

 private:
  static constexpr uint64_t kWindowReads = 512;
  static constexpr double kGain = 1.03;         // below this, more depth is not worth its latency
  static constexpr uint32_t kHoldWindows = 16;  // before a depth that did not pay is tried again

  uint32_t max_depth_, depth_;
  uint64_t reads_ = 0, nanoseconds_ = 0;
  double settled_rate_ = 0;  // at settled_depth_
  uint32_t settled_depth_ = 0;
  uint32_t hold_ = 0;
};

}  // namespace tierscope
