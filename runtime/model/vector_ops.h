// The element-wise steps of the forward pass over float32 rows, in SIMD picked at run time. Accuracy: a few units in
// the last place. In and out may be the same row. Pure, thread-safe; same kernel level, same bits.
#pragma once

#include <cstddef>

namespace tierscope {

// out = x / sqrt(mean(x^2) + epsilon) * weight; weight may be null (all ones).
void rms_norm(const float* x, const float* weight, size_t count, float epsilon, float* out);
// x += rms_norm(delta, weight): the residual step behind every sub-layer.
void add_rms_norm(const float* delta, const float* weight, size_t count, float epsilon, float* x);
// gate = gelu_tanh(gate) * other
void gelu_multiply(const float* other, size_t count, float* gate);
// out = (out + other * factor) * scale
void add_scaled(const float* other, float factor, float scale, size_t count, float* out);
void scale(float factor, size_t count, float* x);
// x = cap * tanh(x / cap)
void soft_cap(float cap, size_t count, float* x);
// Rotates the pairs (i, i + half) of a head by the angles whose cosines and sines are given, `half` of each.
void rotate_halves(const float* cosines, const float* sines, size_t half, float* head);

}  // namespace tierscope
