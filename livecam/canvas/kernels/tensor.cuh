// Numbers of a tensor: 32 and 16 bit.
//
// Half precision is IEEE 754 binary16, rounded to the nearest, of halves to the even one, subnormals and infinities
// included: bit for bit what NumPy's astype(float16) gives. It is done in integers, since cuda_fp16.h does not come with
// NVRTC and since the host has to give the same bits.
#pragma once
#include "device.cuh"

enum Kind { KIND_U8 = 0, KIND_F32 = 1, KIND_F16 = 2 };

DEVICE u16 half_of(float value) {
    const unsigned bits = BITS_OF(value), sign = (bits >> 16) & 0x8000u;
    const unsigned exponent = (bits >> 23) & 0xffu;
    unsigned fraction = bits & 0x7fffffu, dropped = 13, result = 0;
    if (exponent == 255 && fraction) return (u16)(sign | 0x7e00u | (fraction >> 13));
    if (exponent >= 143) return (u16)(sign | 0x7c00u);
    if (exponent < 102) return (u16)sign;
    if (exponent < 113) {
        // Below 2^-14 the leading one becomes part of the fraction.
        fraction |= 0x800000u;
        dropped = 126 - exponent;
    } else {
        result = (exponent - 112) << 10;
    }
    result += fraction >> dropped;
    const unsigned rest = fraction & ((1u << dropped) - 1), middle = 1u << (dropped - 1);
    // A carry out of the fraction rightly raises the exponent.
    if (rest > middle || (rest == middle && (result & 1))) result += 1;
    return (u16)(sign | result);
}

DEVICE float float_of(u16 half) {
    const unsigned sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 0x1fu, fraction = half & 0x3ffu;
    if (exponent == 31) return FLOAT_OF(sign | 0x7f800000u | (fraction << 13));
    // Subnormal: the fraction in steps of 2^-24, which 32 bit hold exactly.
    if (exponent == 0) return (sign ? -1.0f : 1.0f) * ((float)fraction * 5.9604644775390625e-8f);
    return FLOAT_OF(sign | ((exponent + 112) << 23) | (fraction << 13));
}

DEVICE float number_at(const void* tensor, int kind, long long index) {
    return kind == KIND_F16 ? float_of(((const u16*)tensor)[index]) : ((const float*)tensor)[index];
}

DEVICE void put_number(void* tensor, int kind, long long index, float value) {
    if (kind == KIND_F16)
        ((u16*)tensor)[index] = half_of(value);
    else if (kind == KIND_F32)
        ((float*)tensor)[index] = value;
    else
        ((u8*)tensor)[index] = level(value);
}
