// Q5_0: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* block = row + sub * 22;
  const float d = load_f16(block);
  const u32 high = load_u32(block + 2);
  for (u32 i = 0; i < 16; ++i) {
    out[i] = d * ((float)((block[6 + i] & 15u) | (((high >> i) & 1u) << 4)) - 16.0f);
    out[i + 16] = d * ((float)((block[6 + i] >> 4) | (((high >> (i + 16)) & 1u) << 4)) - 16.0f);
  }
}
