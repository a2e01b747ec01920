// F32: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* p = row + sub * 128;
  for (u32 i = 0; i < count; ++i) out[i] = AS_FLOAT(load_u32(p + i * 4));
}
