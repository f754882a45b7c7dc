// Crop to frame: the inverse warp, the mask and the blend in one pass over the face's box; colours; flat patches.
#pragma once
#include "image.cuh"

// paint: lays a crop, (h, w, 3) u8 BGR, over the frame where its mask, (h, w) u8, says, in place.
//
// Takes the matrix from px of the frame to px of the crop, and the box of the frame that may change, px; both are cut to
// what exists. Crop times mask, and mask, are interpolated together (premultiplied alpha: no colour of what the mask
// hides bleeds in); beyond the crop's edges its mask is 0.
//
// Arithmetic: livecam/canvas/cpu.py, CpuCanvas.paint.
struct PaintArguments {
    Image frame, crop;
    const u8* mask;
    int mask_pitch, unused;
    float matrix[6];
    Area box;
};

KERNEL(paint, PaintArguments) {
    const PaintArguments a = *given;
    const float* m = a.matrix;
    const Area box = cut(a.box, a.frame);
    FOR_GRID(i, box.width * box.height) {
        const int y = box.top + i / box.width, x = box.left + i % box.width;
        const float u = m[0] * (float)x + m[1] * (float)y + m[2], v = m[3] * (float)x + m[4] * (float)y + m[5];
        if (!(u > -1.0f && v > -1.0f && u < (float)a.crop.width && v < (float)a.crop.height)) continue;
        const int left = (int)floorf(u), top = (int)floorf(v);
        float alpha = 0.0f, over[3] = {0.0f, 0.0f, 0.0f};
        for (int corner = 0; corner < 4; ++corner) {
            const int column = left + (corner & 1), row = top + (corner >> 1);
            if (column < 0 || row < 0 || column >= a.crop.width || row >= a.crop.height) continue;
            const float across = corner & 1 ? u - (float)left : 1.0f - (u - (float)left);
            const float down = corner >> 1 ? v - (float)top : 1.0f - (v - (float)top);
            const float share = across * down * (float)a.mask[(long long)row * a.mask_pitch + column] * (1.0f / 255.0f);
            const u8* colour = pixel_at(a.crop, column, row);
            alpha += share;
            for (int k = 0; k < 3; ++k) over[k] += share * (float)colour[k];
        }
        if (alpha <= 0.0f) continue;
        u8* under = pixel_at(a.frame, x, y);
        for (int k = 0; k < 3; ++k) under[k] = level(over[k] + (float)under[k] * (1.0f - alpha));
    }
}

// patch: lays an image, (h, w, 3) u8 BGR, over the frame at (left, top) by its alpha, (h, w) u8; cut at the edges.
// For labels and for a watermark's tile.
//
// Arithmetic: livecam/vision/blend.py; exact where alpha is 0 or 255.
struct PatchArguments {
    Image frame, image;
    const u8* alpha;
    int alpha_pitch;
    int left, top, unused;
};

KERNEL(patch, PatchArguments) {
    const PatchArguments a = *given;
    const Area box = cut(Area{a.left, a.top, a.image.width, a.image.height}, a.frame);
    FOR_GRID(i, box.width * box.height) {
        const int y = box.top + i / box.width, x = box.left + i % box.width;
        const u8* over = pixel_at(a.image, x - a.left, y - a.top);
        const float share = (float)a.alpha[(long long)(y - a.top) * a.alpha_pitch + x - a.left] * (1.0f / 255.0f);
        u8* under = pixel_at(a.frame, x, y);
        for (int k = 0; k < 3; ++k) under[k] = level(mixed((float)under[k], (float)over[k], share));
    }
}

// recolour: multiplies each pixel (B, G, R, 1) of a crop, (h, w, 3) u8, by a 3x4 matrix, in place: colour matching.
//
// Arithmetic: cv2.transform as livecam/vision/color.py calls it; the matrix comes from there.
struct RecolourArguments {
    Image image;
    float matrix[12];
};

KERNEL(recolour, RecolourArguments) {
    const RecolourArguments a = *given;
    FOR_GRID(i, a.image.width * a.image.height) {
        u8* pixel = pixel_at(a.image, i % a.image.width, i / a.image.width);
        const float b = pixel[0], g = pixel[1], r = pixel[2];
        for (int k = 0; k < 3; ++k) {
            const float* row = a.matrix + 4 * k;
            pixel[k] = level(row[0] * b + row[1] * g + row[2] * r + row[3]);
        }
    }
}
