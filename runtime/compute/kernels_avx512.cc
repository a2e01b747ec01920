#include "runtime/compute/kernels.h"

#if defined(__x86_64__)
#include "runtime/compute/float_kernels.h"
#include "runtime/compute/isa_avx512.h"
#include "runtime/compute/quant_kernels.h"

namespace tierscope {
const Kernels& avx512_kernels() {
  static constexpr Kernels kAll{activation_kernels<128>(), quant_entries<Avx512>(),
                                FloatKernels<Avx512, DType::f32>::entry(), FloatKernels<Avx512, DType::f16>::entry(),
                                FloatKernels<Avx512, DType::bf16>::entry()};
  return kAll;
}

}  // namespace tierscope
#endif
