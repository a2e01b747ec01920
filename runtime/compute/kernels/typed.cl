// Kernels over quantised rows. Compiled once for each tensor type in use, after its dequantize32.
// Sizes are in values, `row_bytes` in bytes; grids are given as (groups, ...) x items of a group.

#define MATMUL_ITEMS 32
#define MATMUL_TOKENS 8

// y[token][row] = scale * dot(weights[row], x[token]). A group makes one row for MATMUL_TOKENS tokens.
// Grid: (rows, ceil(tokens / MATMUL_TOKENS)) x MATMUL_ITEMS.
KERNEL matmul(const GLOBAL u8* weights, const u64 row_bytes, const u32 cols, const u32 rows, const GLOBAL float* x,
              const u32 tokens, const float scale, GLOBAL float* y) {
  LOCAL_ARRAY(float, partial, MATMUL_ITEMS * MATMUL_TOKENS);
  const u32 row = GROUP_ID(0), first = GROUP_ID(1) * MATMUL_TOKENS, item = LOCAL_ID();
  const u32 count = tokens - first < MATMUL_TOKENS ? tokens - first : MATMUL_TOKENS;
  const GLOBAL u8* weight_row = weights + (u64)row * row_bytes;
  float sum[MATMUL_TOKENS];
  for (u32 t = 0; t < MATMUL_TOKENS; ++t) sum[t] = 0.0f;
  for (u32 sub = item; sub * 32 < cols; sub += MATMUL_ITEMS) {
    const u32 values = cols - sub * 32 < 32 ? cols - sub * 32 : 32;
    float w[32];
    dequantize32(weight_row, sub, values, w);
    for (u32 t = 0; t < count; ++t) {
      const GLOBAL float* input = x + (u64)(first + t) * cols + sub * 32;
      float s = 0.0f;
      for (u32 i = 0; i < values; ++i) s += w[i] * input[i];
      sum[t] += s;
    }
  }
  for (u32 t = 0; t < MATMUL_TOKENS; ++t) partial[t * MATMUL_ITEMS + item] = sum[t];
  BARRIER();
  if (item < count) {
    float total = 0.0f;
    for (u32 i = 0; i < MATMUL_ITEMS; ++i) total += partial[item * MATMUL_ITEMS + i];
    y[(u64)(first + item) * rows + row] = scale * total;
  }
}

// out[token] = scale * row `ids[token]`. Grid: (ceil(cols / 32), tokens) x 1.
KERNEL get_rows(const GLOBAL u8* table, const u64 row_bytes, const u32 cols, const GLOBAL u32* ids, const float scale,
                GLOBAL float* out) {
  const u32 sub = GROUP_ID(0), token = GROUP_ID(1);
  const u32 values = cols - sub * 32 < 32 ? cols - sub * 32 : 32;
  float w[32];
  dequantize32(table + (u64)ids[token] * row_bytes, sub, values, w);
  for (u32 i = 0; i < values; ++i) out[(u64)token * cols + sub * 32 + i] = scale * w[i];
}

// ple[token] = (context[token] + scale * row) / sqrt(2), for the tokens whose row lies in this buffer:
// slots[token] is the row's slot here, or 0xffffffff. Grid: (ceil(cols / 32), tokens) x 1.
KERNEL ple_gather(const GLOBAL u8* slot_bytes, const u64 row_bytes, const u32 cols, const GLOBAL u32* slots,
                  const float scale, const GLOBAL float* context, GLOBAL float* ple) {
  const u32 sub = GROUP_ID(0), token = GROUP_ID(1);
  if (slots[token] == 0xffffffffu) return;
  const u32 values = cols - sub * 32 < 32 ? cols - sub * 32 : 32;
  float w[32];
  dequantize32(slot_bytes + (u64)slots[token] * row_bytes, sub, values, w);
  for (u32 i = 0; i < values; ++i) {
    const u64 at = (u64)token * cols + sub * 32 + i;
    ple[at] = (context[at] + scale * w[i]) * 0.70710678118654752f;
  }
}
