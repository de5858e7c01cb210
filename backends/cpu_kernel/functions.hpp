// exp, log1p, expm1 and tanh of vectors, to 2.5 units in the last place, the same bits everywhere.
//
// They hold for every number: NaN stays NaN, infinities and zeros of both signs come out right, and
// exp falls through the denormal numbers to 0. Division is IEEE's. A number is compared and selected,
// never clamped by min or max instructions, whose rules for NaN differ between processors.
//
// exp(x) = 2^k exp(r) with k = round(x / log 2), r = x - k log 2, in two steps, and a polynomial in r:
// in float32 that of Cephes (S. L. Moshier), in float64 Taylor's.
#pragma once

#include "vectors.hpp"

namespace {

template <class T> struct Exponential;
template <> struct Exponential<float> {
  // Adding it rounds to a whole number, which stands in the last bits of the sum.
  static constexpr float ROUND = 12582912.f;
  static constexpr float LOWEST = -110.f, LOG2_E = 1.442695041f;
  static constexpr float LOG_2_HIGH = 0.693359375f, LOG_2_LOW = -2.12194440e-4f;
  static constexpr int MANTISSA = 23, BIAS = 127, DEGREE = 6;
  static constexpr int32_t SIGN = INT32_MIN;
  static constexpr float TAYLOR[DEGREE] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                           4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
  // Beyond it tanh is 1.
  static constexpr float TANH_IS_1 = 10.f;
  static constexpr int LOG1P_DEGREE = 13;
};
template <> struct Exponential<double> {
  static constexpr double ROUND = 6755399441055744.;
  static constexpr double LOWEST = -760., LOG2_E = 1.4426950408889634;
  static constexpr double LOG_2_HIGH = 6.93147180369123816490e-01;
  static constexpr double LOG_2_LOW = 1.90821492927058770002e-10;
  static constexpr int MANTISSA = 52, BIAS = 1023, DEGREE = 12;
  static constexpr int64_t SIGN = INT64_MIN;
  static constexpr double TAYLOR[DEGREE] = {
      1.6059043836821613e-10, 2.08767569878681e-9,   2.505210838544172e-8,  2.755731922398589e-7,
      2.7557319223985893e-6,  2.48015873015873e-5,   1.984126984126984e-4,  1.3888888888888889e-3,
      8.333333333333333e-3,   4.1666666666666664e-2, 1.6666666666666666e-1, 0.5};
  static constexpr double TANH_IS_1 = 20.;
  static constexpr int LOG1P_DEGREE = 33;
};

// exp(r) - 1 for |r| <= log(2) / 2.
template <class T> INLINE Vector<T> expm1_near_0(Vector<T> r) {
  using C = Exponential<T>;
  Vector<T> p = all(C::TAYLOR[0]);
#pragma GCC unroll 16
  for (int i = 1; i < C::DEGREE; i++) p = fma(p, r, all(C::TAYLOR[i]));
  return fma(r * r, p, r);
}

// x = k log 2 + r.
template <class T> struct Reduced { Vector<T> r; Bits<T> k; };
template <class T> INLINE Reduced<T> reduced(Vector<T> x) {
  using C = Exponential<T>;
  const Vector<T> shifted = fma(x, all(C::LOG2_E), all(C::ROUND)), k = shifted - C::ROUND;
  const Vector<T> r = fnma(k, all(C::LOG_2_HIGH), x);
  return {fnma(k, all(C::LOG_2_LOW), r), (Bits<T>)shifted - (Bits<T>)all(C::ROUND)};
}

// 2^k, for normal numbers.
template <class T> INLINE Vector<T> power_of_2(Bits<T> k) {
  using C = Exponential<T>;
  return (Vector<T>)((k + C::BIAS) << C::MANTISSA);
}

// exp(x) for x <= 0.
template <class T> INLINE Vector<T> exp_of_negative(Vector<T> x) {
  using C = Exponential<T>;
  x = x < C::LOWEST ? all(C::LOWEST) : x;
  const Reduced<T> of = reduced<T>(x);
  const Vector<T> p = expm1_near_0<T>(of.r) + (T)1;
  const Bits<T> half = of.k >> 1;  // 2^k in two factors: below the normal numbers it is not one
  return p * power_of_2<T>(half) * power_of_2<T>(of.k - half);
}

// exp(x) - 1 for x <= 0.
template <class T> INLINE Vector<T> expm1_of_negative(Vector<T> x) {
  using C = Exponential<T>;
  // Not as low as for exp: here 2^k is to be normal, and the result is -1 already.
  x = x < -2 * C::TANH_IS_1 - 20 ? all(-2 * C::TANH_IS_1 - 20) : x;
  const Reduced<T> of = reduced<T>(x);
  const Vector<T> power = power_of_2<T>(of.k);
  return fma(power, expm1_near_0<T>(of.r), power - (T)1);
}

// log(1 + e) for 0 <= e <= 1, as 2 artanh(e / (2 + e)).
template <class T> INLINE Vector<T> log1p_up_to_1(Vector<T> e) {
  constexpr int DEGREE = Exponential<T>::LOG1P_DEGREE;
  const Vector<T> s = e / (e + (T)2), square = s * s;
  Vector<T> p = all((T)(1. / DEGREE));
#pragma GCC unroll 16
  for (int i = DEGREE - 2; i >= 3; i -= 2) p = fma(p, square, all((T)1 / (T)i));
  return fma((s + s) * square, p, s + s);
}

// log(1 + x) for x >= 0: 1 + x = 2^k (1 + y) with 0 <= y < 1.
template <class T> INLINE Vector<T> log1p_of_positive(Vector<T> x) {
  using C = Exponential<T>;
  const Bits<T> k = (((Bits<T>)(x + (T)1)) >> C::MANTISSA) - C::BIAS;
  const Vector<T> factor = power_of_2<T>(-k);
  const Vector<T> y = log1p_up_to_1<T>(fma(x, factor, factor - (T)1));
  const Vector<T> whole = (Vector<T>)(k + (Bits<T>)all(C::ROUND)) - C::ROUND;
  return fma(whole, all(C::LOG_2_HIGH), fma(whole, all(C::LOG_2_LOW), y));
}

// |x|; the sign of x with the size of y.
template <class T> INLINE Vector<T> absolute(Vector<T> x) {
  return (Vector<T>)((Bits<T>)x & ~(Bits<T>{} + Exponential<T>::SIGN));
}
template <class T> INLINE Vector<T> with_sign_of(Vector<T> y, Vector<T> x) {
  return (Vector<T>)((Bits<T>)y | ((Bits<T>)x & (Bits<T>{} + Exponential<T>::SIGN)));
}

// Several vectors, step by step: the operations of one tanh wait for each other, and a processor sees
// too few of the next one's to fill the time.
template <class P> struct Two { P a, b; };
template <class F, class... V> INLINE auto each(F f, V... v) { return f(v...); }
template <class F, class P, class... Q> INLINE auto each(F f, Two<P> p, Two<Q>... q) {
  auto a = each(f, p.a, q.a...);
  auto b = each(f, p.b, q.b...);
  return Two<decltype(a)>{a, b};
}

// tanh(x) = -u / (u + 2) with the sign of x, u = expm1(-2 |x|), of a vector or of several.
template <class T, class P> INLINE P tanh_of(P x) {
  using V = Vector<T>;
  using C = Exponential<T>;
  constexpr T ROUND = C::ROUND + C::BIAS;  // the whole number is then the exponent of 2^k
  P y = each([](V x) INLINE_LAMBDA {
    const V y = absolute<T>(x);
    return y > C::TANH_IS_1 ? all(C::TANH_IS_1) : y;
  }, x);
  P k = each([](V y) INLINE_LAMBDA { return fma(y, all(-2 * C::LOG2_E), all(ROUND)); }, y);
  P power = each([](V k) INLINE_LAMBDA { return (V)((Bits<T>)k << C::MANTISSA); }, k);
  k = each([](V k) INLINE_LAMBDA { return k - ROUND; }, k);
  P r = each([](V y, V k) INLINE_LAMBDA { return fnma(k, all(C::LOG_2_HIGH), -2 * y); }, y, k);
  r = each([](V r, V k) INLINE_LAMBDA { return fnma(k, all(C::LOG_2_LOW), r); }, r, k);
  P p = each([](V r) INLINE_LAMBDA { return fma(r, all(C::TAYLOR[0]), all(C::TAYLOR[1])); }, r);
#pragma GCC unroll 16
  for (int i = 2; i < C::DEGREE; i++) {
    const T c = C::TAYLOR[i];
    p = each([c](V p, V r) INLINE_LAMBDA { return fma(p, r, all(c)); }, p, r);
  }
  P square = each([](V r) INLINE_LAMBDA { return r * r; }, r);
  p = each([](V p, V square, V r) INLINE_LAMBDA { return fma(p, square, r); }, p, square, r);
  P u = each([](V p, V power) INLINE_LAMBDA { return fma(power, p, power - (T)1); }, p, power);
  // 0 - u and not -u, which would be -0 for 0.
  return each([](V u, V x) INLINE_LAMBDA { return with_sign_of<T>(((T)0 - u) / (u + (T)2), x); }, u, x);
}

}  // namespace
