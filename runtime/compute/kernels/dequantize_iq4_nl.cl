// IQ4_NL: values sub * 32 to sub * 32 + count of a row, as float32.
DEVICE_FUNCTION void dequantize32(const GLOBAL u8* row, u32 sub, u32 count, float* out) {
  const GLOBAL u8* block = row + sub * 18;
  const float d = load_f16(block);
  for (u32 i = 0; i < 16; ++i) {
    out[i] = d * iq4_values[block[2 + i] & 15];
    out[i + 16] = d * iq4_values[block[2 + i] >> 4];
  }
}
