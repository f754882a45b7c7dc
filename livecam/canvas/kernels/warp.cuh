// Frame to network: letterbox and face crop are the same thing with different matrices.
//
// Takes a frame, (H, W, 3) u8 BGR, and a matrix from px of the result to px of the frame. Gives (3, h, w) or (h, w, 3)
// of f32, f16, each plane (level - mean) * scale, or u8 levels. Bilinear; beyond its edges the frame goes on as it ends.
// With `taps` of n, each px is the mean of n x n samples spread over it, which is what a frame that is more than halved
// needs. What lies right of or below the fitted part is black (level 0, normalised like the rest).
//
// Arithmetic: livecam/vision/warp.py (crops) and livecam/vision/detect/letterbox.py; 32-bit floats in place of OpenCV's
// 1/32 px. A crop that a network takes is not rounded to 8 bit on its way.
#pragma once
#include "image.cuh"
#include "tensor.cuh"

struct WarpArguments {
    Image source;
    void* out;
    float matrix[6];          // x and y of the frame = matrix (x, y, 1) of the result
    float mean[3], scale[3];  // by plane of the result, levels
    int width, height;        // of the result
    int fitted_width, fitted_height;
    int taps;
    int swap;    // the planes are R, G, B
    int planar;  // (3, h, w), not (h, w, 3)
    int kind;
};

KERNEL(warp, WarpArguments) {
    const WarpArguments a = *given;
    const float* m = a.matrix;
    const int area = a.width * a.height;
    const float weight = 1.0f / (float)(a.taps * a.taps);
    FOR_GRID(i, area) {
        const int row = i / a.width, column = i - row * a.width;
        float sum[3] = {0.0f, 0.0f, 0.0f};
        if (column < a.fitted_width && row < a.fitted_height) {
            for (int tap = 0; tap < a.taps * a.taps; ++tap) {
                const float x = (float)column + ((float)(tap % a.taps) + 0.5f) / (float)a.taps - 0.5f;
                const float y = (float)row + ((float)(tap / a.taps) + 0.5f) / (float)a.taps - 0.5f;
                add_sample(a.source, m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5], weight, sum);
            }
        }
        for (int plane = 0; plane < 3; ++plane) {
            const float value = (sum[a.swap ? 2 - plane : plane] - a.mean[plane]) * a.scale[plane];
            const long long place = a.planar ? (long long)plane * area + i : 3LL * i + plane;
            put_number(a.out, a.kind, place, value);
        }
    }
}
