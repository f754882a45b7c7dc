// Colour matching: from the means of a swapped crop, of the wearer's and of the mask to the matrix that recolours, so
// that nobody has to wait for them.
//
// Arithmetic: livecam/vision/color.py, measured(), ColourMemory and Transfer.matrix(), in 32 bit. What was learnt
// before comes with the arguments and goes back with the result: the host keeps it.
#pragma once
#include "device.cuh"

// What is done to each opponent channel y: exp(gain) (y - middle) + middle + shift.
struct Transfer {
    float gain[3], shift[3], middle[3];
};

struct Colours {
    int measured;  // there was enough of a face
    int known;     // `transfer` says something
    Transfer transfer;
};

struct ColourArguments {
    const float *swapped, *original;  // (cells, 3) levels, B, G, R
    const float* mask;                // (cells) levels
    const float* oval;                // (cells) weights
    float* matrix;                    // (3, 4): `recolour`'s
    Colours* colours;
    int cells;
    int known;       // `before` says something
    float calm;      // 0..1, of a small change; 1 starts afresh
    float strength;  // 0..1
    Transfer before;
    int unused;
};

// B, G, R to opponent channels and back.
DEVICE void opponent(const float* bgr, float* out) {
    out[0] = 0.57735026919f * (bgr[0] + bgr[1] + bgr[2]);
    out[1] = 0.40824829046f * (bgr[1] + bgr[2] - 2.0f * bgr[0]);
    out[2] = 0.70710678119f * (bgr[2] - bgr[1]);
}

DEVICE void levels_of(const float* channels, float* out) {
    const float light = 0.57735026919f * channels[0];
    out[0] = light - 0.81649658093f * channels[1];
    out[1] = light + 0.40824829046f * channels[1] - 0.70710678119f * channels[2];
    out[2] = light + 0.40824829046f * channels[1] + 0.70710678119f * channels[2];
}

// Adds up the threads' numbers in parts[0]; for all threads of the block.
DEVICE void add_up(float (*parts)[7]) {
    SYNC();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (THREAD < half)
            for (int k = 0; k < 7; ++k) parts[THREAD][k] += parts[THREAD + half][k];
        SYNC();
    }
}

DEVICE Transfer asked_for(const float* middle, const float* spread, const float* wanted, const float* wanted_spread) {
    Transfer fresh;
    float apart[3], levels[3];
    for (int k = 0; k < 3; ++k) {
        fresh.gain[k] = logf(within((wanted_spread[k] + 2.0f) / (spread[k] + 2.0f), 0.7f, 1.4f));
        fresh.middle[k] = middle[k];
        apart[k] = wanted[k] - middle[k];
    }
    levels_of(apart, levels);
    for (int k = 0; k < 3; ++k) levels[k] = within(levels[k], -64.0f, 64.0f);
    opponent(levels, fresh.shift);
    return fresh;
}

DEVICE Transfer followed(const Transfer& before, const Transfer& fresh, float calm) {
    Transfer now;
    float apart[3], levels[3], change = 0.0f;
    for (int k = 0; k < 3; ++k) apart[k] = fresh.shift[k] - before.shift[k];
    levels_of(apart, levels);
    for (int k = 0; k < 3; ++k) change = fmaxf(change, fabsf(levels[k]));
    const float jumped = within((change - 4.0f) / 12.0f, 0.0f, 1.0f), share = calm + (1.0f - calm) * jumped;
    for (int k = 0; k < 3; ++k) {
        now.gain[k] = before.gain[k] + share * (fresh.gain[k] - before.gain[k]);
        now.shift[k] = before.shift[k] + share * (fresh.shift[k] - before.shift[k]);
        now.middle[k] = before.middle[k] + share * (fresh.middle[k] - before.middle[k]);
    }
    return now;
}

DEVICE void write_matrix(const Transfer& transfer, float strength, float* matrix) {
    for (int k = 0; k < 4; ++k) {
        float bgr[3] = {k == 0 ? 1.0f : 0.0f, k == 1 ? 1.0f : 0.0f, k == 2 ? 1.0f : 0.0f}, channels[3], levels[3];
        opponent(bgr, channels);
        for (int c = 0; c < 3; ++c) {
            const float gain = expf(strength * transfer.gain[c]);
            const float offset = (1.0f - gain) * transfer.middle[c] + strength * transfer.shift[c];
            channels[c] = k < 3 ? gain * channels[c] : offset;
        }
        levels_of(channels, levels);
        for (int c = 0; c < 3; ++c) matrix[4 * c + k] = levels[c];
    }
}

// colour_match: one block.
KERNEL(colour_match, ColourArguments) {
    SHARED float parts[MOST_THREADS][7];
    const ColourArguments& a = *given;
    if (BLOCK > 0) return;
    for (int k = 0; k < 7; ++k) parts[THREAD][k] = 0.0f;
    FOR_BLOCK(i, a.cells) {
        const float weight = a.mask[i] * a.oval[i];
        float one[3], other[3];
        opponent(a.swapped + 3 * i, one);
        opponent(a.original + 3 * i, other);
        parts[THREAD][6] += weight;
        for (int k = 0; k < 3; ++k) {
            parts[THREAD][k] += weight * one[k];
            parts[THREAD][3 + k] += weight * other[k];
        }
    }
    add_up(parts);
    const float whole = parts[0][6];
    float mean[6], spread[6];
    for (int k = 0; k < 6; ++k) mean[k] = parts[0][k] / fmaxf(whole, 1e-6f);
    SYNC();
    for (int k = 0; k < 7; ++k) parts[THREAD][k] = 0.0f;
    FOR_BLOCK(i, a.cells) {
        const float weight = a.mask[i] * a.oval[i];
        float values[6];
        opponent(a.swapped + 3 * i, values);
        opponent(a.original + 3 * i, values + 3);
        for (int k = 0; k < 6; ++k) parts[THREAD][k] += weight * (values[k] - mean[k]) * (values[k] - mean[k]);
    }
    add_up(parts);
    if (THREAD > 0) return;
    for (int k = 0; k < 6; ++k) spread[k] = sqrtf(parts[0][k] / fmaxf(whole, 1e-6f));
    const bool measured = whole >= 4.0f;
    const Transfer nothing = {{0.0f, 0.0f, 0.0f}, {0.0f, 0.0f, 0.0f}, {0.0f, 0.0f, 0.0f}};
    Transfer now = a.known ? a.before : nothing;
    if (measured) {
        const Transfer fresh = asked_for(mean, spread, mean + 3, spread + 3);
        now = a.known && a.calm < 1.0f ? followed(a.before, fresh, a.calm) : fresh;
    }
    a.colours->measured = measured;
    a.colours->known = measured || a.known;
    a.colours->transfer = now;
    write_matrix(now, a.strength, a.matrix);
}
