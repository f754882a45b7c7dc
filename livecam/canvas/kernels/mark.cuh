// The invisible mark on the luma of a finished picture.
//
// Takes luma, (height, width) u8, and the pattern that is due, (144, 256) f32 levels. Three steps, one kernel each: luma
// becomes (144, 256) u8, the mean of each cell; the cells' local contrast and the pattern become the change, (144, 256) u8
// in sixteenths of a level above 128; the change, bilinearly between the middles of the cells, is added to luma.
//
// Arithmetic: livecam/privacy/watermark.py, where the numbers below stand too: cv2.resize with INTER_AREA, box filters whose
// edges mirror, cv2.resize with INTER_LINEAR. Luma has at least as many px as the canvas on each side.
#pragma once
#include "blocks.cuh"
#include "masks.cuh"

#define MARK_WIDTH 256
#define MARK_HEIGHT 144

struct MarkArguments {
    Image luma;            // one channel
    const float* pattern;  // (144, 256) f32
    u8 *small, *change;    // (144, 256) u8 each
    float busy, most;      // by how much more for each level of contrast; the most that a px is changed
};

// mark_shrink: luma to `small`.
KERNEL(mark_shrink, MarkArguments) {
    const MarkArguments a = *given;
    const float across = (float)a.luma.width / MARK_WIDTH, down = (float)a.luma.height / MARK_HEIGHT;
    FOR_GRID(cell, MARK_WIDTH * MARK_HEIGHT) {
        const float left = across * (float)(cell % MARK_WIDTH), top = down * (float)(cell / MARK_WIDTH);
        const int x1 = least((int)ceilf(left + across), a.luma.width), y1 = least((int)ceilf(top + down), a.luma.height);
        float sum = 0.0f;
        for (int y = (int)top; y < y1; ++y) {
            const float share = covered(y, top, top + down);
            for (int x = (int)left; x < x1; ++x)
                sum += share * covered(x, left, left + across) * (float)*pixel_at(a.luma, x, y, 1);
        }
        a.small[cell] = level(sum / (across * down));
    }
}

// mark_weigh: `small` and the pattern to `change`.
KERNEL(mark_weigh, MarkArguments) {
    const MarkArguments a = *given;
    FOR_GRID(cell, MARK_WIDTH * MARK_HEIGHT) {
        const int x = cell % MARK_WIDTH, y = cell / MARK_WIDTH;
        float sum = 0.0f, square = 0.0f;
        for (int row = -2; row <= 2; ++row)
            for (int column = -2; column <= 2; ++column) {
                const int place = mirrored(y + row, MARK_HEIGHT) * MARK_WIDTH + mirrored(x + column, MARK_WIDTH);
                const float value = (float)a.small[place];
                sum += value;
                square += value * value;
            }
        const float mean = sum / 25.0f, contrast = sqrtf(fmaxf(square / 25.0f - mean * mean, 0.0f));
        const float change = within((1.0f + a.busy * contrast) * a.pattern[cell], -a.most, a.most);
        a.change[cell] = level(128.0f + 16.0f * change);
    }
}

// mark_lay: `change` on to luma.
KERNEL(mark_lay, MarkArguments) {
    const MarkArguments a = *given;
    const Image change = Image{a.change, MARK_WIDTH, MARK_HEIGHT, MARK_WIDTH, 0};
    const float across = (float)MARK_WIDTH / (float)a.luma.width, down = (float)MARK_HEIGHT / (float)a.luma.height;
    FOR_GRID(i, a.luma.width * a.luma.height) {
        const int x = i % a.luma.width, y = i / a.luma.width;
        const Around at = around(change, ((float)x + 0.5f) * across - 0.5f, ((float)y + 0.5f) * down - 0.5f);
        const float upper = mixed(*pixel_at(change, at.x0, at.y0, 1), *pixel_at(change, at.x1, at.y0, 1), at.right);
        const float lower = mixed(*pixel_at(change, at.x0, at.y1, 1), *pixel_at(change, at.x1, at.y1, 1), at.right);
        u8* pixel = pixel_at(a.luma, x, y, 1);
        *pixel = level((float)*pixel + rintf(mixed(upper, lower, at.down)) / 16.0f - 8.0f);
    }
}
