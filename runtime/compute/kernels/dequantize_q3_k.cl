// Q3_K: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* block = row + (sub / 8) * 110;
  const u32 part = sub % 8;
  const GLOBAL u8* codes = block + 32 + (part / 4) * 32;
  const GLOBAL u8* scales = block + 96;
  const u32 shift = 2 * (part % 4);
  const float d = load_f16(block + 108);
  for (u32 i = 0; i < 32; ++i) {
    const u32 k = part * 2 + i / 16;
    const u32 low = k < 8 ? scales[k] & 15u : (u32)(scales[k - 8] >> 4);
    const u32 high = (scales[8 + k % 4] >> (2 * (k / 4))) & 3u;
    const float code = (float)((codes[i] >> shift) & 3u) - ((block[i] >> part) & 1u ? 0.0f : 4.0f);
    out[i] = d * ((float)(low | (high << 4)) - 32.0f) * code;
  }
}
