// Q6_K: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* block = row + (sub / 8) * 210;
  const u32 half_block = (sub % 8) / 4, quarter = sub % 4;
  const GLOBAL u8* low = block + half_block * 64 + (quarter % 2) * 32;
  const GLOBAL u8* high = block + 128 + half_block * 32;
  const GLOBAL u8* scales = block + 192 + half_block * 8 + quarter * 2;
  const u32 shift = 4 * (quarter / 2);
  const float d = load_f16(block + 208);
  for (u32 i = 0; i < 32; ++i) {
    const u32 code = ((low[i] >> shift) & 15u) | (((high[i] >> (2 * quarter)) & 3u) << 4);
    out[i] = d * load_i8(scales + i / 16) * ((float)code - 32.0f);
  }
}
