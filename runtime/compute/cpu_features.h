// What the CPU and the kernel grant; only for cpu.cc, which asks once. A file of its own, so that a test can put
// another in its place.
#pragma once

#include "runtime/compute/cpu.h"

namespace tierscope {

// Fills in the features. Where the CPU has AMX, asks the kernel for its state, which no answer but yes grants.
void detect_features(CpuInfo& info);

}  // namespace tierscope
