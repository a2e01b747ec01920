// Holds the portable kernels of this room to a CPU level. Process-wide; call before they run, from one thread.
#pragma once

#include "runtime/compute/cpu.h"

namespace tierscope {

void use_simd_level(CpuLevel level);

}  // namespace tierscope
