// Crops between networks: phases of a boosted crop to and from a network's rows, the swap laid into its surroundings, a
// share of the enhanced face, and the sums by which the host judges whether a network gave a picture at all.
//
// Arithmetic: livecam/vision/swap/stage.py (phases), sharpen.py, sound.py and livecam/vision/enhance.py.
#pragma once
#include "image.cuh"
#include "tensor.cuh"

// Pixel `place` of a phase that is `wide` px wide.
DEVICE u8* phase_pixel(const Image& crop, int place, int wide, int phase, int factor, int channels) {
    const int x = place % wide * factor + phase % factor, y = place / wide * factor + phase / factor;
    return pixel_at(crop, x, y, channels);
}

// split: a crop, (h, w, 3) u8 BGR, becomes `rows` rows of a network's input, each of them every `factor`-th pixel from
// an offset on: row r is phase `first` + r, whose offset is (phase % factor, phase / factor). Planes of f32 or f16,
// (level - mean) * scale.
struct SplitArguments {
    Image image;
    void* tensor;
    float mean[3], scale[3];  // by plane of the network, levels
    int factor, first, rows;
    int swap;    // the planes are R, G, B
    int planar;  // (rows, 3, h, w), not (rows, h, w, 3)
    int kind;
};

KERNEL(split, SplitArguments) {
    const SplitArguments a = *given;
    const int wide = a.image.width / a.factor, area = wide * (a.image.height / a.factor);
    FOR_GRID(i, a.rows * area) {
        const int row = i / area, place = i - row * area, phase = a.first + row;
        const u8* pixel = phase_pixel(a.image, place, wide, phase, a.factor, 3);
        for (int plane = 0; plane < 3; ++plane) {
            const float value = ((float)pixel[a.swap ? 2 - plane : plane] - a.mean[plane]) * a.scale[plane];
            const long long at = a.planar ? 3LL * row * area + (long long)plane * area + place : 3LL * i + plane;
            put_number(a.tensor, a.kind, at, value);
        }
    }
}

// join: undoes `split`: rows of a network's picture (3 channels) or mask (1) become levels of the crop, times `gain`
// plus `offset`. Values that are not finite are counted in `bad` and become 0. With `narrow` the crop keeps the
// smaller of its own level and the network's.
struct JoinArguments {
    const void* tensor;
    Image out;
    int* bad;
    float gain, offset;
    int factor, first, rows;
    int channels;
    int swap;
    int planar;
    int kind;
    int narrow;
};

KERNEL(join, JoinArguments) {
    const JoinArguments a = *given;
    const int wide = a.out.width / a.factor, area = wide * (a.out.height / a.factor);
    FOR_GRID(i, a.rows * area) {
        const int row = i / area, place = i - row * area, phase = a.first + row;
        u8* out = phase_pixel(a.out, place, wide, phase, a.factor, a.channels);
        for (int k = 0; k < a.channels; ++k) {
            const int plane = a.swap ? a.channels - 1 - k : k;
            const long long first = a.planar ? ((long long)a.channels * row + plane) * area : (long long)a.channels * i;
            const long long at = a.planar ? first + place : first + plane;
            const float value = number_at(a.tensor, a.kind, at);
            if (!is_finite(value)) ADD_ONE(a.bad);
            const u8 fresh = is_finite(value) ? level(value * a.gain + a.offset) : 0;
            out[k] = a.narrow && out[k] < fresh ? out[k] : fresh;
        }
    }
}

// lay: `over`, (h, w, 3) u8, over `under`, of the same size, where its mask, (h, w) u8, times `gain`, says.
struct LayArguments {
    Image under, over;
    const u8* mask;
    int mask_pitch;
    float gain;
};

KERNEL(lay, LayArguments) {
    const LayArguments a = *given;
    FOR_GRID(i, a.under.width * a.under.height) {
        const int y = i / a.under.width, x = i - y * a.under.width;
        const float share = fminf(a.gain * (float)a.mask[(long long)y * a.mask_pitch + x], 255.0f) * (1.0f / 255.0f);
        const u8* over = pixel_at(a.over, x, y);
        u8* under = pixel_at(a.under, x, y);
        for (int k = 0; k < 3; ++k) under[k] = level(mixed((float)under[k], (float)over[k], share));
    }
}

// mix: `share` of `image`, (h, w, 3) u8, and the rest of `other`, in place; `detail`, (h, w, 3), is what it then has
// more than `other`. carry: `other` with the detail of an earlier `mix`, into `image`.
struct MixArguments {
    Image image, other;
    short* detail;
    float share;
    int unused;
};

KERNEL(mix, MixArguments) {
    const MixArguments a = *given;
    FOR_GRID(i, a.image.width * a.image.height) {
        const int y = i / a.image.width, x = i - y * a.image.width;
        u8* pixel = pixel_at(a.image, x, y);
        const u8* other = pixel_at(a.other, x, y);
        for (int k = 0; k < 3; ++k) {
            pixel[k] = level(mixed((float)other[k], (float)pixel[k], a.share));
            a.detail[3LL * i + k] = (short)((int)pixel[k] - (int)other[k]);
        }
    }
}

KERNEL(carry, MixArguments) {
    const MixArguments a = *given;
    FOR_GRID(i, a.image.width * a.image.height) {
        const int y = i / a.image.width, x = i - y * a.image.width;
        u8* pixel = pixel_at(a.image, x, y);
        const u8* other = pixel_at(a.other, x, y);
        for (int k = 0; k < 3; ++k) pixel[k] = level((float)((int)other[k] + (int)a.detail[3LL * i + k]));
    }
}

// Of every `step`-th pixel, by channel: levels, their squares; and over all channels how far it is from what was given.
struct Sums {
    u64 sum[3], square[3], change;
};

struct SumsArguments {
    Image image, given;  // (h, w, 3) u8, of one size
    Sums* sums;
    int step;
    int unused;
};

// sums: one block. Whole numbers, so that any number of threads gives the same.
KERNEL(sums, SumsArguments) {
    SHARED u64 parts[MOST_THREADS][7];
    const SumsArguments& a = *given;
    if (BLOCK > 0) return;
    u64 mine[7] = {0, 0, 0, 0, 0, 0, 0};
    const int wide = a.image.width / a.step, high = a.image.height / a.step;
    FOR_BLOCK(i, wide * high) {
        const u8* one = pixel_at(a.image, i % wide * a.step, i / wide * a.step);
        const u8* other = pixel_at(a.given, i % wide * a.step, i / wide * a.step);
        for (int k = 0; k < 3; ++k) {
            mine[k] += one[k];
            mine[3 + k] += (u64)one[k] * one[k];
            mine[6] += one[k] > other[k] ? one[k] - other[k] : other[k] - one[k];
        }
    }
    for (int k = 0; k < 7; ++k) parts[THREAD][k] = mine[k];
    SYNC();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (THREAD < half)
            for (int k = 0; k < 7; ++k) parts[THREAD][k] += parts[THREAD + half][k];
        SYNC();
    }
    FOR_BLOCK(k, 3) {
        a.sums->sum[k] = parts[0][k];
        a.sums->square[k] = parts[0][3 + k];
    }
    if (THREAD == 0) a.sums->change = parts[0][6];
}
