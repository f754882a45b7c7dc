// Frame to picture: BGR becomes I420 or NV12, limited range, 8 bit.
//
// Takes (H, W, 3) u8 BGR with even sides. Gives luma, (H, W) u8, and chroma at half the size: two planes (I420,
// chroma_step 1) or one of pairs (NV12, chroma_step 2, v one byte after u).
//
// Arithmetic: ITU-R BT.601 (kr 0.299, kb 0.114) or BT.709 (0.2126, 0.0722), 16 + 219 luma, 128 + 224 chroma. With
// `mean` the chroma is that of four pixels; without, that of the upper left one, as cv2.cvtColor to I420 takes it.
#pragma once
#include "image.cuh"

struct PictureArguments {
    Image image;
    u8 *luma, *chroma_u, *chroma_v;
    int luma_pitch, chroma_pitch, chroma_step;
    int mean;
    float kr, kb;
};

KERNEL(picture, PictureArguments) {
    const PictureArguments a = *given;
    const int wide = a.image.width / 2, high = a.image.height / 2;
    const float kg = 1.0f - a.kr - a.kb;
    FOR_GRID(i, wide * high) {
        const int row = i / wide, column = i - row * wide;
        float blue = 0.0f, red = 0.0f;
        for (int corner = 0; corner < 4; ++corner) {
            const int x = 2 * column + (corner & 1), y = 2 * row + (corner >> 1);
            const u8* pixel = pixel_at(a.image, x, y);
            const float b = pixel[0], r = pixel[2], light = a.kr * r + kg * (float)pixel[1] + a.kb * b;
            a.luma[(long long)y * a.luma_pitch + x] = level(16.0f + light * (219.0f / 255.0f));
            const float weight = a.mean ? 0.25f : (corner == 0 ? 1.0f : 0.0f);
            blue += weight * (b - light);
            red += weight * (r - light);
        }
        const long long place = (long long)row * a.chroma_pitch + column * a.chroma_step;
        a.chroma_u[place] = level(128.0f + blue * (112.0f / 255.0f) / (1.0f - a.kb));
        a.chroma_v[place] = level(128.0f + red * (112.0f / 255.0f) / (1.0f - a.kr));
    }
}
