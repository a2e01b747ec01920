// Which Highway targets a file of kernels is compiled for; to be included before hwy/foreach_target.h. Scalable vectors
// are left out because tiles of vectors live in arrays; the others left out are near one that is kept, and each costs
// compile time.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif
