// Blocks have odd sizes, so their fields are put together from bytes.
DEVICE_FUNCTION u32 load_u16(const GLOBAL u8* p) { return (u32)p[0] | ((u32)p[1] << 8); }
DEVICE_FUNCTION u32 load_u32(const GLOBAL u8* p) { return load_u16(p) | (load_u16(p + 2) << 16); }
DEVICE_FUNCTION float load_f16(const GLOBAL u8* p) { return F16_TO_F32((u16)load_u16(p)); }
DEVICE_FUNCTION float load_i8(const GLOBAL u8* p) { return (float)(*(const GLOBAL i8*)p); }

// Scale and minimum of 32 values in a Q4_K or Q5_K block: eight pairs of 6 bits in 12 bytes.
DEVICE_FUNCTION u32 k_scale(const GLOBAL u8* scales, u32 sub) {
  return sub < 4 ? scales[sub] & 63u : (scales[sub + 4] & 15u) | ((u32)(scales[sub - 4] >> 6) << 4);
}
DEVICE_FUNCTION u32 k_minimum(const GLOBAL u8* scales, u32 sub) {
  return sub < 4 ? scales[sub + 4] & 63u : (u32)(scales[sub + 4] >> 4) | ((u32)(scales[sub] >> 6) << 4);
}

// The sixteen levels of the IQ4 types.
CONSTANT_TABLE float iq4_values[16] = {-127.0f, -104.0f, -83.0f, -65.0f, -49.0f, -35.0f, -22.0f, -10.0f,
                                       1.0f,    13.0f,   25.0f,  38.0f,  53.0f,  69.0f,  89.0f,  113.0f};
