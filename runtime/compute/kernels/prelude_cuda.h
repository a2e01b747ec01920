// The words of the kernels' dialect, for CUDA C++ as NVRTC compiles it.
#define KERNEL extern "C" __global__ void
#define DEVICE_FUNCTION static __device__
#define GLOBAL
#define LOCAL_ARRAY(type, name, size) __shared__ type name[size]
#define BARRIER() __syncthreads()
#define GROUP_ID(d) ((d) == 0 ? blockIdx.x : (d) == 1 ? blockIdx.y : blockIdx.z)
#define LOCAL_ID() (threadIdx.x)
#define GLOBAL_ID() (blockIdx.x * blockDim.x + threadIdx.x)
#define AS_FLOAT(bits) __uint_as_float(bits)
#define F16_TO_F32(bits) half_bits_to_float(bits)
#define CONSTANT_TABLE static __device__ const

typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

DEVICE_FUNCTION float half_bits_to_float(u16 bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}
