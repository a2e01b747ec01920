// IQ4_XS: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* block = row + (sub / 8) * 136;
  const u32 part = sub % 8;
  const u32 low = (block[4 + part / 2] >> (4 * (part % 2))) & 15u, high = (load_u16(block + 2) >> (2 * part)) & 3u;
  const GLOBAL u8* codes = block + 8 + part * 16;
  const float d = load_f16(block) * ((float)(low | (high << 4)) - 32.0f);
  for (u32 i = 0; i < 16; ++i) {
    out[i] = d * iq4_values[codes[i] & 15];
    out[i + 16] = d * iq4_values[codes[i] >> 4];
  }
}
