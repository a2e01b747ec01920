// Q8_0: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* block = row + sub * 34;
  const float d = load_f16(block);
  for (u32 i = 0; i < 32; ++i) out[i] = d * load_i8(block + 2 + i);
}
