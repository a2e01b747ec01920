#include "runtime/store/depth_controller.h"

#include <algorithm>

namespace tierscope {
namespace {

constexpr uint32_t kStartDepth = 64;

}  // namespace

DepthController::DepthController(uint32_t max_depth)
    : max_depth_(std::max(1u, max_depth)), depth_(std::min(kStartDepth, max_depth_)) {}

void DepthController::add(uint64_t completed, uint64_t nanoseconds) {
  reads_ += completed;
  nanoseconds_ += nanoseconds;
  if (reads_ < kWindowReads || nanoseconds_ == 0) return;
  const double rate = static_cast<double>(reads_) / static_cast<double>(nanoseconds_);
  reads_ = nanoseconds_ = 0;
  if (hold_ > 0) {
    --hold_;
    settled_rate_ = rate;
    if (hold_ > 0) return;
  } else if (settled_depth_ != 0 && rate < settled_rate_ * kGain) {
    depth_ = settled_depth_;
    hold_ = kHoldWindows;
    return;
  }
  settled_depth_ = depth_;
  settled_rate_ = rate;
  depth_ = std::min(depth_ * 2, max_depth_);
  if (depth_ == settled_depth_) hold_ = kHoldWindows;
}

}  // namespace tierscope
