// Masks of a crop: a masker's answer becomes a share of each pixel, softened inwards, steadied over time, and composed
// with the others by minimum.
//
// Arithmetic: livecam/vision/mask/xseg.py, bisenet.py, soft.py, steady.py and compose.py.
#pragma once
#include "blocks.cuh"
#include "tensor.cuh"

// share: a masker's answer, (side, side) or (classes, side, side) of f32 or f16, becomes (out_side, out_side) f32,
// 0..1, averaged where that is smaller. With one class: the value, 0 up to `floor`, at most 1. With several: 1 where the
// highest of `regions` (a bit for each class) beats the highest of the others. What is not finite is counted in `bad`.
struct ShareArguments {
    const void* tensor;
    float* out;
    int* bad;
    int side, out_side;
    int classes, regions;
    int kind;
    float floor;
};

DEVICE float share_of(const ShareArguments& a, long long place) {
    const long long area = (long long)a.side * a.side;
    float best[2] = {-3.4e38f, -3.4e38f};
    for (int k = 0; k < a.classes; ++k) {
        const float value = number_at(a.tensor, a.kind, k * area + place);
        if (!is_finite(value)) ADD_ONE(a.bad);
        const int inside = a.regions >> k & 1;
        best[inside] = fmaxf(best[inside], value);
    }
    if (a.classes == 1) return best[0] > a.floor ? fminf(best[0], 1.0f) : 0.0f;
    return best[1] > best[0] ? 1.0f : 0.0f;
}

KERNEL(share, ShareArguments) {
    const ShareArguments a = *given;
    const float across = (float)a.side / (float)a.out_side;
    FOR_GRID(i, a.out_side * a.out_side) {
        const float left = across * (float)(i % a.out_side), top = across * (float)(i / a.out_side);
        const int right = least((int)ceilf(left + across), a.side), bottom = least((int)ceilf(top + across), a.side);
        float sum = 0.0f;
        for (int y = (int)top; y < bottom; ++y)
            for (int x = (int)left; x < right; ++x)
                sum += covered(x, left, left + across) * covered(y, top, top + across) *
                       share_of(a, (long long)y * a.side + x);
        a.out[i] = sum / (across * across);
    }
}

#define MOST_REACH 24

// blur_rows, then soften: the blurred lower half of an edge is cut off, so that it lies inside: clip(2 blur - 1, 0, m).
struct SoftenArguments {
    const float* plane;  // (side, side), 0..1
    float* rows;         // likewise, blurred along the rows
    u8* out;             // (side, side)
    int side, reach;
    float weights[MOST_REACH];  // of the Gaussian, from its middle on; reach + 1 of them
};

// Beyond its edges the plane is mirrored, without its last pixel (BORDER_REFLECT_101).
DEVICE int mirrored(int index, int side) {
    index = index < 0 ? -index : index;
    index = index < side ? index : 2 * side - 2 - index;
    return most(least(index, side - 1), 0);
}

KERNEL(blur_rows, SoftenArguments) {
    const SoftenArguments& a = *given;
    FOR_GRID(i, a.side * a.side) {
        const int y = i / a.side, x = i - y * a.side;
        const float* row = a.plane + (long long)y * a.side;
        float sum = a.weights[0] * row[x];
        for (int k = 1; k <= a.reach; ++k)
            sum += a.weights[k] * (row[mirrored(x - k, a.side)] + row[mirrored(x + k, a.side)]);
        a.rows[i] = sum;
    }
}

KERNEL(soften, SoftenArguments) {
    const SoftenArguments& a = *given;
    FOR_GRID(i, a.side * a.side) {
        const int y = i / a.side, x = i - y * a.side;
        const float* column = a.rows + x;
        float sum = a.weights[0] * column[y * a.side];
        for (int k = 1; k <= a.reach; ++k)
            sum += a.weights[k] * (column[mirrored(y - k, a.side) * a.side] + column[mirrored(y + k, a.side) * a.side]);
        const u8 soft = level(510.0f * sum - 255.0f), bound = level(255.0f * a.plane[i]);
        a.out[i] = soft < bound ? soft : bound;
    }
}

// A mask at (x, y), between its pixels; beyond its edges it goes on as it ends.
DEVICE float mask_at(const u8* mask, int side, float x, float y) {
    const Around at = around(Image{nullptr, side, side, side, 0}, x, y);
    const u8 *upper = mask + (long long)at.y0 * side, *lower = mask + (long long)at.y1 * side;
    return mixed(mixed(upper[at.x0], upper[at.x1], at.right), mixed(lower[at.x0], lower[at.x1], at.right), at.down);
}

// merge: a soft mask, (soft_side, soft_side) u8, at the crop's size; what is shown of it follows small changes slowly
// and large ones at once; the crop's mask becomes the minimum of both.
struct MergeArguments {
    const u8* soft;
    u8 *shown, *mask;  // (side, side)
    int soft_side, side;
    int fresh;   // nothing was shown before
    float calm;  // 0..1, of a small change
};

// A change of so many levels is the network's noise; from that many on something has really moved.
#define CALM 24.0f
#define MOVED 112.0f

DEVICE u8 steadied(u8 shown, u8 wanted, float calm) {
    const int difference = (int)wanted - (int)shown, size = difference < 0 ? -difference : difference;
    const float moved = within(((float)size - CALM) / (MOVED - CALM), 0.0f, 1.0f);
    const int step = least((int)ceilf((float)size * mixed(calm, 1.0f, moved)), size);
    return (u8)((int)shown + (difference < 0 ? -step : step));
}

KERNEL(merge, MergeArguments) {
    const MergeArguments a = *given;
    const float scale = (float)a.soft_side / (float)a.side;
    FOR_GRID(i, a.side * a.side) {
        const float x = ((float)(i % a.side) + 0.5f) * scale - 0.5f, y = ((float)(i / a.side) + 0.5f) * scale - 0.5f;
        const u8 wanted = level(mask_at(a.soft, a.soft_side, x, y));
        const u8 shown = a.fresh ? wanted : steadied(a.shown[i], wanted, a.calm);
        a.shown[i] = shown;
        if (shown < a.mask[i]) a.mask[i] = shown;
    }
}

// trim: a crop's mask, (side, side) u8, in px of a wider crop, (out_side, out_side), and no more than that one's box.
// Beside the crop there is nothing of it.
struct TrimArguments {
    const u8 *mask, *box;
    u8* out;
    int side, out_side;
    float scale;        // px of the crop for a px of the wider one
    float left, top;    // where the crop's px lie for px 0 of the wider one
    int unused;
};

KERNEL(trim, TrimArguments) {
    const TrimArguments a = *given;
    const float edge = (float)(a.side - 1);
    FOR_GRID(i, a.out_side * a.out_side) {
        const float x = (float)(i % a.out_side) * a.scale + a.left, y = (float)(i / a.out_side) * a.scale + a.top;
        // Between the last px and where the next one would be it fades to nothing.
        const float across = within(fminf(x + 1.0f, edge + 1.0f - x), 0.0f, 1.0f);
        const float down = within(fminf(y + 1.0f, edge + 1.0f - y), 0.0f, 1.0f);
        const u8 found = level(mask_at(a.mask, a.side, x, y) * across * down);
        a.out[i] = found < a.box[i] ? found : a.box[i];
    }
}
