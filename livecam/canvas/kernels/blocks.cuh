// Making other people unrecognisable: the mean of a few blocks, drawn soft. The same means, of 32 x 32 blocks of a crop
// and of its mask, are what colour matching measures on the host.
//
// Arithmetic: livecam/canvas/cpu.py, CpuCanvas.blur: cv2.resize with INTER_AREA, then with INTER_LINEAR.
#pragma once
#include "image.cuh"

struct BlockArguments {
    Image image;
    float* means;  // (rows, columns, channels) f32 levels
    Area box;      // px of the image; cut to it
    int columns, rows;
    int channels;  // 3; for block_means also 1, of a mask
    int unused;
};

// How much of pixel `index` lies in the cell from `first` to `last`, px.
DEVICE float covered(int index, float first, float last) {
    return fmaxf(fminf((float)(index + 1), last) - fmaxf((float)index, first), 0.0f);
}

// block_means: the box becomes (rows, columns, channels) f32: the mean of each cell, its edge pixels by the share they lie in it.
// One block of threads to a cell; launch as many as there are cells, or fewer.
KERNEL(block_means, BlockArguments) {
    SHARED float sums[MOST_THREADS][3];
    const BlockArguments a = *given;
    const Area box = cut(a.box, a.image);
    const float across = (float)box.width / (float)a.columns, down = (float)box.height / (float)a.rows;
    for (int cell = BLOCK; cell < a.columns * a.rows; cell += BLOCKS) {
        const float left = across * (float)(cell % a.columns), top = down * (float)(cell / a.columns);
        const int x0 = (int)left, y0 = (int)top;
        const int wide = least((int)ceilf(left + across), box.width) - x0;
        const int high = least((int)ceilf(top + down), box.height) - y0;
        float sum[3] = {0.0f, 0.0f, 0.0f};
        FOR_BLOCK(i, most(wide, 0) * most(high, 0)) {
            const int x = x0 + i % wide, y = y0 + i / wide;
            const float weight = covered(x, left, left + across) * covered(y, top, top + down);
            const u8* pixel = pixel_at(a.image, box.left + x, box.top + y, a.channels);
            for (int k = 0; k < a.channels; ++k) sum[k] += weight * (float)pixel[k];
        }
        for (int k = 0; k < 3; ++k) sums[THREAD][k] = sum[k];
        SYNC();
        for (int half = THREADS / 2; half > 0; half /= 2) {
            if (THREAD < half)
                for (int k = 0; k < 3; ++k) sums[THREAD][k] += sums[THREAD + half][k];
            SYNC();
        }
        FOR_BLOCK(k, a.channels) a.means[a.channels * cell + k] = sums[0][k] / fmaxf(across * down, 1e-6f);
        SYNC();
    }
}

// block_draw: the box is drawn from its means, bilinearly between the middles of the cells.
KERNEL(block_draw, BlockArguments) {
    const BlockArguments a = *given;
    const Area box = cut(a.box, a.image);
    FOR_GRID(i, box.width * box.height) {
        const int x = i % box.width, y = i / box.width;
        const float column = within(((float)x + 0.5f) * (float)a.columns / (float)box.width - 0.5f, 0.0f, (float)(a.columns - 1));
        const float row = within(((float)y + 0.5f) * (float)a.rows / (float)box.height - 0.5f, 0.0f, (float)(a.rows - 1));
        const int x0 = (int)column, y0 = (int)row;
        const int x1 = least(x0 + 1, a.columns - 1), y1 = least(y0 + 1, a.rows - 1);
        u8* pixel = pixel_at(a.image, box.left + x, box.top + y);
        for (int k = 0; k < 3; ++k) {
            const float* means = a.means + k;
            const float upper = mixed(means[3 * (y0 * a.columns + x0)], means[3 * (y0 * a.columns + x1)], column - (float)x0);
            const float lower = mixed(means[3 * (y1 * a.columns + x0)], means[3 * (y1 * a.columns + x1)], column - (float)x0);
            pixel[k] = level(mixed(upper, lower, row - (float)y0));
        }
    }
}
