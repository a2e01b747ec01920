#include "runtime/compute/kernels.h"

namespace tierscope {

const Kernels& kernels(CpuLevel level) {
  switch (level) {
#if defined(__x86_64__)
    case CpuLevel::amx:
    case CpuLevel::avx512:
      return avx512_kernels();
    case CpuLevel::avx2:
      return avx2_kernels();
#endif
    default:
      return plain_kernels();
  }
}

}  // namespace tierscope
