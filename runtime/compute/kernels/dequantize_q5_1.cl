// Q5_1: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* block = row + sub * 24;
  const float d = load_f16(block), m = load_f16(block + 2);
  const u32 high = load_u32(block + 4);
  for (u32 i = 0; i < 16; ++i) {
    out[i] = d * (float)((block[8 + i] & 15u) | (((high >> i) & 1u) << 4)) + m;
    out[i + 16] = d * (float)((block[8 + i] >> 4) | (((high >> (i + 16)) & 1u) << 4)) + m;
  }
}
