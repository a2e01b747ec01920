#include "runtime/model/simd_level.h"

#include <hwy/targets.h>

namespace tierscope {

void use_simd_level(CpuLevel level) {
  int64_t disabled = 0;
  if (level < CpuLevel::avx512) disabled |= HWY_AVX3 | HWY_AVX3_DL;
  if (level < CpuLevel::avx2) disabled |= HWY_AVX2 | HWY_SSE4 | HWY_SSSE3;
  hwy::DisableTargets(disabled);
}

}  // namespace tierscope
