#include "runtime/compute/kernels.h"

#if defined(__aarch64__)
#include "runtime/compute/float_kernels.h"
#include "runtime/compute/isa_neon.h"
#include "runtime/compute/quant_kernels.h"

namespace tierscope {

const Kernels& neon_kernels() {
  static constexpr Kernels kAll{activation_kernels<0>(), quant_entries<Neon>(), FloatKernels<Neon, DType::f32>::entry(),
                                FloatKernels<Neon, DType::f16>::entry(), FloatKernels<Neon, DType::bf16>::entry()};
  return kAll;
}

}  // namespace tierscope
#endif
