#include "runtime/compute/kernels.h"

#if defined(__x86_64__)
#include "runtime/compute/amx_kernels.h"

namespace tierscope {

void use_amx_products(Kernels& level) {
  AmxKernels<AmxTiles>::use(level);
}

}  // namespace tierscope
#endif
