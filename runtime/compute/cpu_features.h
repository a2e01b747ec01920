// What cpu.cc asks the system, once. In files of their own, so that a test can put others in their place.
#pragma once

#include "runtime/compute/cpu.h"

namespace tierscope {

// Fills in the features. Where the CPU has AMX, asks the kernel for its state, which no answer but yes grants.
void detect_features(CpuInfo& info);
// As hwloc reads it; "unknown" where the system does not say.
std::string cpu_model();

}  // namespace tierscope
