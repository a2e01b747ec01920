// Q4_K: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* block = row + (sub / 8) * 144;
  const u32 part = sub % 8;
  const GLOBAL u8* codes = block + 16 + (part / 2) * 32;
  const u32 shift = 4 * (part % 2);
  const float d = load_f16(block) * (float)k_scale(block + 4, part);
  const float m = load_f16(block + 2) * (float)k_minimum(block + 4, part);
  for (u32 i = 0; i < 32; ++i) out[i] = d * (float)((codes[i] >> shift) & 15u) - m;
}
