// Q2_K: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* block = row + (sub / 8) * 84;
  const u32 part = sub % 8;
  const GLOBAL u8* scales = block + part * 2;
  const GLOBAL u8* codes = block + 16 + (part / 4) * 32;
  const u32 shift = 2 * (part % 4);
  const float d = load_f16(block + 80), m = load_f16(block + 82);
  for (u32 i = 0; i < 32; ++i) {
    const u32 scale = scales[i / 16];
    out[i] = d * (float)(scale & 15u) * (float)((codes[i] >> shift) & 3u) - m * (float)(scale >> 4);
  }
}
