#include "runtime/model/vector_ops.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/model/vector_ops.cc"
#include "runtime/model/simd_targets.h"

#include <hwy/foreach_target.h>

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace tierscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// out[i] = f(i, load) over all `count` values: `f` gets a loader that reads a vector at i from any row, whole or with
// zeros past the end, and gives the vector to store.
template <class F>
void for_each_vector(size_t count, float* out, F f) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreU(f([&](const float* row) HWY_ATTR { return hn::LoadU(d, row + i); }), d, out + i);
  if (i == count) return;
  HWY_ALIGN float buffer[hn::MaxLanes(D())];
  const size_t rest = count - i;
  const V last = f([&](const float* row) HWY_ATTR {
    for (size_t k = 0; k < lanes; ++k) buffer[k] = k < rest ? row[i + k] : 0.0f;
    return hn::Load(d, buffer);
  });
  hn::Store(last, d, buffer);
  for (size_t k = 0; k < rest; ++k) out[i + k] = buffer[k];
}

float inverse_rms(const float* x, size_t count, float epsilon) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const V a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + lanes);
    sum0 = hn::MulAdd(a, a, sum0);
    sum1 = hn::MulAdd(b, b, sum1);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  for (; i < count; ++i) sum += x[i] * x[i];
  return 1.0f / std::sqrt(sum / static_cast<float>(count) + epsilon);
}

void RmsNorm(const float* x, const float* weight, size_t count, float epsilon, float* out) {
  const V factor = hn::Set(D(), inverse_rms(x, count, epsilon));
  if (weight == nullptr)
    for_each_vector(count, out, [&](auto load) HWY_ATTR { return hn::Mul(load(x), factor); });
  else
    for_each_vector(count, out, [&](auto load) HWY_ATTR { return hn::Mul(hn::Mul(load(x), factor), load(weight)); });
}

void AddRmsNorm(const float* delta, const float* weight, size_t count, float epsilon, float* x) {
  const V factor = hn::Set(D(), inverse_rms(delta, count, epsilon));
  for_each_vector(count, x, [&](auto load) HWY_ATTR {
    const V scaled = hn::Mul(load(delta), factor);
    const V weights = load(weight);
    return hn::MulAdd(scaled, weights, load(x));
  });
}

// x * sigmoid(2u) is x * (1 + tanh(u)) / 2, with one exponential and no cancellation.
void GeluMultiply(const float* other, size_t count, float* gate) {
  const D d;
  const V minus_two_root = hn::Set(d, -2.0f * 0.7978845608028654f), cubic = hn::Set(d, 0.044715f);
  const V one = hn::Set(d, 1.0f), largest_exponent = hn::Set(d, 80.0f);
  for_each_vector(count, gate, [&](auto load) HWY_ATTR {
    const V x = load(gate);
    const V inner = hn::MulAdd(hn::Mul(hn::Mul(x, x), x), cubic, x);
    const V power = hn::Exp(d, hn::Min(hn::Mul(minus_two_root, inner), largest_exponent));
    return hn::Mul(hn::Div(x, hn::Add(one, power)), load(other));
  });
}

void AddScaled(const float* other, float factor, float scale_by, size_t count, float* out) {
  const V factors = hn::Set(D(), factor), scales = hn::Set(D(), scale_by);
  for_each_vector(count, out, [&](auto load) HWY_ATTR {
    const V sum = load(out);
    return hn::Mul(hn::MulAdd(load(other), factors, sum), scales);
  });
}

void Scale(float factor, size_t count, float* x) {
  const V factors = hn::Set(D(), factor);
  for_each_vector(count, x, [&](auto load) HWY_ATTR { return hn::Mul(load(x), factors); });
}

void SoftCap(float cap, size_t count, float* x) {
  const D d;
  const V caps = hn::Set(d, cap), inverse = hn::Set(d, 1.0f / cap);
  for_each_vector(count, x, [&](auto load) HWY_ATTR { return hn::Mul(hn::Tanh(d, hn::Mul(load(x), inverse)), caps); });
}

void RotateHalves(const float* cosines, const float* sines, size_t half, float* head) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= half; i += lanes) {
    const V low = hn::LoadU(d, head + i), high = hn::LoadU(d, head + half + i);
    const V c = hn::LoadU(d, cosines + i), s = hn::LoadU(d, sines + i);
    hn::StoreU(hn::NegMulAdd(high, s, hn::Mul(low, c)), d, head + i);
    hn::StoreU(hn::MulAdd(low, s, hn::Mul(high, c)), d, head + half + i);
  }
  for (; i < half; ++i) {
    const float low = head[i], high = head[half + i];
    head[i] = low * cosines[i] - high * sines[i];
    head[half + i] = high * cosines[i] + low * sines[i];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace tierscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tierscope {
HWY_EXPORT(RmsNorm);
HWY_EXPORT(AddRmsNorm);
HWY_EXPORT(GeluMultiply);
HWY_EXPORT(AddScaled);
HWY_EXPORT(Scale);
HWY_EXPORT(SoftCap);
HWY_EXPORT(RotateHalves);

void rms_norm(const float* x, const float* weight, size_t count, float epsilon, float* out) {
  HWY_DYNAMIC_DISPATCH(RmsNorm)(x, weight, count, epsilon, out);
}
void add_rms_norm(const float* delta, const float* weight, size_t count, float epsilon, float* x) {
  HWY_DYNAMIC_DISPATCH(AddRmsNorm)(delta, weight, count, epsilon, x);
}
void gelu_multiply(const float* other, size_t count, float* gate) {
  HWY_DYNAMIC_DISPATCH(GeluMultiply)(other, count, gate);
}
void add_scaled(const float* other, float factor, float scale_by, size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(AddScaled)(other, factor, scale_by, count, out);
}
void scale(float factor, size_t count, float* x) {
  HWY_DYNAMIC_DISPATCH(Scale)(factor, count, x);
}
void soft_cap(float cap, size_t count, float* x) {
  HWY_DYNAMIC_DISPATCH(SoftCap)(cap, count, x);
}
void rotate_halves(const float* cosines, const float* sines, size_t half, float* head) {
  HWY_DYNAMIC_DISPATCH(RotateHalves)(cosines, sines, half, head);
}

}  // namespace tierscope
#endif
