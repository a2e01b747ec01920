// The words of the kernels' dialect, for OpenCL C 1.2.
#define KERNEL __kernel void
#define DEVICE_FUNCTION static
#define GLOBAL __global
#define LOCAL_ARRAY(type, name, size) __local type name[size]
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define GROUP_ID(d) ((u32)get_group_id(d))
#define LOCAL_ID() ((u32)get_local_id(0))
#define GLOBAL_ID() ((u32)get_global_id(0))
#define AS_FLOAT(bits) as_float(bits)
#define F16_TO_F32(bits) half_bits_to_float(bits)
#define CONSTANT_TABLE __constant

typedef uchar u8;
typedef char i8;
typedef ushort u16;
typedef uint u32;
typedef ulong u64;

DEVICE_FUNCTION float half_bits_to_float(u16 bits) {
  return vload_half(0, (const half*)&bits);
}
