// Network to crop: a tensor becomes levels.
//
// Takes (C, h, w) or (h, w, C) of f32 or f16, C being 3 (a picture) or 1 (a mask). Gives (h, w, C) u8, BGR, each value
// times `gain` plus `offset`, rounded, cut to 0..255. Values that are not finite are counted in `bad` and become 0:
// whoever reads a count other than 0 withholds the frame.
//
// Arithmetic: livecam/vision/tensor.py, Reader and finite().
#pragma once
#include "image.cuh"
#include "tensor.cuh"

struct ReadArguments {
    const void* tensor;
    Image out;
    int* bad;
    float gain, offset;
    int channels;
    int swap;
    int planar;
    int kind;
};

KERNEL(read_tensor, ReadArguments) {
    const ReadArguments a = *given;
    const int area = a.out.width * a.out.height;
    FOR_GRID(i, area) {
        const int row = i / a.out.width, column = i - row * a.out.width;
        u8* out = a.out.data + (long long)row * a.out.pitch + column * a.channels;
        for (int k = 0; k < a.channels; ++k) {
            const int plane = a.swap ? a.channels - 1 - k : k;
            const float value =
                number_at(a.tensor, a.kind, a.planar ? (long long)plane * area + i : (long long)a.channels * i + plane);
            if (!is_finite(value)) ADD_ONE(a.bad);
            out[k] = is_finite(value) ? level(value * a.gain + a.offset) : 0;
        }
    }
}
