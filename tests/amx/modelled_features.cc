// A CPU whose AMX is the model; takes the place of cpu_features.cc in this program. The rest of the level's
// instructions are AVX-512's, and are the machine's own.
#include "runtime/compute/cpu_features.h"

namespace tierscope {

void detect_features(CpuInfo& info) {
  const bool all = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                   __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
  info.avx2 = info.avx512 = info.avx512_bf16 = info.amx = all;
}

}  // namespace tierscope
