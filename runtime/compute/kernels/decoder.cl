// The decoder's kernels over float32 activations. Grids are given as (groups, ...) x items of a group.

#define GROUP_ITEMS 64
#define MAX_HEAD_DIM 512
#define HEAD_DIM_PARTS (MAX_HEAD_DIM / GROUP_ITEMS)

// out = (residual + x / rms(x) * weight) * scale, row by row; without the residual or the weight where their flag is 0.
// Grid: (rows) x GROUP_ITEMS. `out` may be `x` or `residual`.
KERNEL rms_norm(const GLOBAL float* x, const u32 size, const float epsilon, const GLOBAL float* weight,
                const u32 has_weight, const GLOBAL float* residual, const u32 has_residual, const float scale,
                GLOBAL float* out) {
  LOCAL_ARRAY(float, partial, GROUP_ITEMS);
  const u32 item = LOCAL_ID();
  const u64 row = (u64)GROUP_ID(0) * size;
  float sum = 0.0f;
  for (u32 i = item; i < size; i += GROUP_ITEMS) sum += x[row + i] * x[row + i];
  partial[item] = sum;
  BARRIER();
  float total = 0.0f;
  for (u32 i = 0; i < GROUP_ITEMS; ++i) total += partial[i];
  const float inverse = 1.0f / sqrt(total / (float)size + epsilon);
  for (u32 i = item; i < size; i += GROUP_ITEMS) {
    float value = x[row + i] * inverse;
    if (has_weight) value *= weight[i];
    if (has_residual) value += residual[row + i];
    out[row + i] = value * scale;
  }
}

// Rotates the pairs (i, i + dim / 2) of each head by its token's angles, [token][dim / 2].
// Grid: (ceil(heads * dim / 2 / GROUP_ITEMS), tokens) x GROUP_ITEMS.
KERNEL rope(GLOBAL float* x, const u32 heads, const u32 dim, const GLOBAL float* cosines, const GLOBAL float* sines) {
  const u32 pair = GROUP_ID(0) * GROUP_ITEMS + LOCAL_ID(), half_dim = dim / 2, token = GROUP_ID(1);
  if (pair >= heads * half_dim) return;
  const u32 i = pair % half_dim;
  GLOBAL float* head = x + ((u64)token * heads + pair / half_dim) * dim;
  const float c = cosines[(u64)token * half_dim + i], s = sines[(u64)token * half_dim + i];
  const float a = head[i], b = head[i + half_dim];
  head[i] = a * c - b * s;
  head[i + half_dim] = a * s + b * c;
}

// Puts each token's row at its place of its sequence's cache, [sequence][position][size].
// Grid: (ceil(size / GROUP_ITEMS), tokens) x GROUP_ITEMS.
KERNEL store_kv(const GLOBAL float* rows, const u32 size, const GLOBAL u32* sequences, const GLOBAL u32* positions,
                const u32 context, GLOBAL float* cache) {
  const u32 i = GROUP_ID(0) * GROUP_ITEMS + LOCAL_ID(), token = GROUP_ID(1);
  if (i >= size) return;
  cache[((u64)sequences[token] * context + positions[token]) * size + i] = rows[(u64)token * size + i];
}

// Attention of one head of one token over its sequence's cache: softmax of q.k over the positions that the window
// (0: all) and causality allow, tile by tile, with a running maximum. Grid: (heads, tokens) x GROUP_ITEMS.
KERNEL attention(const GLOBAL float* q, const u32 heads, const u32 kv_heads, const u32 dim,
                 const GLOBAL float* keys, const GLOBAL float* values, const GLOBAL u32* sequences,
                 const GLOBAL u32* positions, const u32 context, const u32 window, GLOBAL float* out) {
  LOCAL_ARRAY(float, query, MAX_HEAD_DIM);
  LOCAL_ARRAY(float, scores, GROUP_ITEMS);
  const u32 head = GROUP_ID(0), token = GROUP_ID(1), item = LOCAL_ID();
  const u64 at = ((u64)token * heads + head) * dim;
  const u32 position = positions[token];
  const u32 first = window != 0 && position >= window ? position - window + 1 : 0;
  const u64 stride = (u64)kv_heads * dim;
  const u64 cache = (u64)sequences[token] * context * stride + (u64)(head / (heads / kv_heads)) * dim;
  for (u32 i = item; i < dim; i += GROUP_ITEMS) query[i] = q[at + i];
  float sum[HEAD_DIM_PARTS];
  for (u32 k = 0; k < HEAD_DIM_PARTS; ++k) sum[k] = 0.0f;
  float maximum = -3.0e38f, weight_sum = 0.0f;
  for (u32 tile = first; tile <= position; tile += GROUP_ITEMS) {
    BARRIER();
    const u32 count = position - tile + 1 < GROUP_ITEMS ? position - tile + 1 : GROUP_ITEMS;
    float score = -3.0e38f;
    if (item < count) {
      const GLOBAL float* key = keys + cache + (u64)(tile + item) * stride;
      score = 0.0f;
      for (u32 i = 0; i < dim; ++i) score += query[i] * key[i];
    }
    scores[item] = score;
    BARRIER();
    float tile_maximum = maximum;
    for (u32 i = 0; i < count; ++i) tile_maximum = fmax(tile_maximum, scores[i]);
    BARRIER();
    scores[item] = item < count ? exp(score - tile_maximum) : 0.0f;
    BARRIER();
    const float shrink = exp(maximum - tile_maximum);
    maximum = tile_maximum;
    weight_sum *= shrink;
    for (u32 i = 0; i < count; ++i) weight_sum += scores[i];
    for (u32 k = 0; k < HEAD_DIM_PARTS; ++k) {
      const u32 d = item + k * GROUP_ITEMS;
      if (d >= dim) break;
      float s = sum[k] * shrink;
      for (u32 i = 0; i < count; ++i) s += scores[i] * values[cache + (u64)(tile + i) * stride + d];
      sum[k] = s;
    }
  }
  for (u32 k = 0; k < HEAD_DIM_PARTS; ++k) {
    const u32 d = item + k * GROUP_ITEMS;
    if (d < dim) out[at + d] = sum[k] / weight_sum;
  }
}

// gate = gelu_tanh(gate) * factor, where `factor` has its own stride and offset per token.
// Grid: (ceil(size / GROUP_ITEMS), tokens) x GROUP_ITEMS.
KERNEL gelu_multiply(GLOBAL float* gate, const u32 size, const GLOBAL float* factor, const u32 factor_stride,
                     const u32 factor_offset) {
  const u32 i = GROUP_ID(0) * GROUP_ITEMS + LOCAL_ID(), token = GROUP_ID(1);
  if (i >= size) return;
  const u64 at = (u64)token * size + i;
  const float g = gate[at];
  const float gelu = 0.5f * g * (1.0f + tanh(0.79788456080286536f * g * (1.0f + 0.044715f * g * g)));
  gate[at] = gelu * factor[(u64)token * factor_stride + factor_offset + i];
}

// x *= factor. Grid: (ceil(size / GROUP_ITEMS), rows) x GROUP_ITEMS.
KERNEL scale(GLOBAL float* x, const u32 size, const float factor) {
  const u32 i = GROUP_ID(0) * GROUP_ITEMS + LOCAL_ID();
  if (i < size) x[(u64)GROUP_ID(1) * size + i] *= factor;
}

// Picks rows[k] = x[indices[k]]. Grid: (ceil(size / GROUP_ITEMS), picked rows) x GROUP_ITEMS.
KERNEL pick_rows(const GLOBAL float* x, const u32 size, const GLOBAL u32* indices, GLOBAL float* rows) {
  const u32 i = GROUP_ID(0) * GROUP_ITEMS + LOCAL_ID(), row = GROUP_ID(1);
  if (i < size) rows[(u64)row * size + i] = x[(u64)indices[row] * size + i];
}

// x = cap * tanh(x / cap). Grid: (ceil(size / GROUP_ITEMS), rows) x GROUP_ITEMS.
KERNEL softcap(GLOBAL float* x, const u32 size, const float cap) {
  const u32 i = GROUP_ID(0) * GROUP_ITEMS + LOCAL_ID();
  const u64 at = (u64)GROUP_ID(1) * size + i;
  if (i < size) x[at] = cap * tanh(x[at] / cap);
}

// The index of each row's largest value, the lowest where several are equal. Grid: (rows) x GROUP_ITEMS.
KERNEL argmax(const GLOBAL float* x, const u32 size, GLOBAL u32* indices) {
  LOCAL_ARRAY(float, best, GROUP_ITEMS);
  LOCAL_ARRAY(u32, best_at, GROUP_ITEMS);
  const u32 item = LOCAL_ID(), row = GROUP_ID(0);
  float value = -3.4e38f;
  u32 at = 0;
  for (u32 i = item; i < size; i += GROUP_ITEMS) {
    const float candidate = x[(u64)row * size + i];
    if (candidate > value) {
      value = candidate;
      at = i;
    }
  }
  best[item] = value;
  best_at[item] = at;
  BARRIER();
  if (item != 0) return;
  for (u32 i = 1; i < GROUP_ITEMS; ++i) {
    if (best[i] > value || (best[i] == value && best_at[i] < at)) {
      value = best[i];
      at = best_at[i];
    }
  }
  indices[row] = at;
}
