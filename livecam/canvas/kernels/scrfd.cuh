// Detector to faces: SCRFD's outputs become a few boxes, so that a few KB and not a megabyte go back to the host.
//
// Takes for each stride S of 8, 16, 32: scores (N, 1), distances of the box (N, 4) and of the five points (N, 10), f32 or
// f16, in strides from the anchor; N = 2 anchors for each of (width / S) * (height / S) cells, row by row, the picture's
// sides being multiples of 32. Gives `Found`, all zero beforehand (a memset before `scrfd_pick`): boxes and points in px
// of the frame, best first, of equal scores the earlier anchor. Values that are not finite are counted in `bad`, faces
// that did not fit in `more`: whoever reads either other than 0 has not seen everybody, and withholds the frame.
//
// Arithmetic: livecam/vision/detect/scrfd.py, detector.py (into the frame) and nms.py (greedy; right and lower edges count
// as inside, as in insightface).
#pragma once
#include "tensor.cuh"

#define MOST_FACES 64

struct FoundFace {
    float box[4];    // left, top, right, bottom
    float five[10];  // x, y of eyes, nose tip, mouth corners
    float score;
};

struct Found {
    int candidates, bad, count, more;
    FoundFace faces[MOST_FACES];
};

struct ScrfdArguments {
    const void *score[3], *box[3], *five[3];
    u64* keys;  // one for each anchor
    Found* found;
    int width, height;  // of the network's picture
    int kind;
    float threshold, iou;
    float scale_x, scale_y;  // px of the picture for a px of the frame
    int unused;
};

struct Anchor {
    int stage, row;  // which stride, and which row of its outputs
    float stride, x, y;
};

DEVICE int anchors_at(const ScrfdArguments& a, int stage) {
    return 2 * (a.width >> (3 + stage)) * (a.height >> (3 + stage));
}

DEVICE Anchor anchor_of(const ScrfdArguments& a, int index) {
    int stage = 0;
    while (stage < 2 && index >= anchors_at(a, stage)) index -= anchors_at(a, stage++);
    const int cell = index / 2, across = a.width >> (3 + stage), stride = 8 << stage;
    return Anchor{stage, index, (float)stride, (float)(cell % across * stride), (float)(cell / across * stride)};
}

// Edge k of the box (left, top, right, bottom) that an anchor stands for, px of the frame.
DEVICE float edge_of(const ScrfdArguments& a, const Anchor& at, int k) {
    const float reach = number_at(a.box[at.stage], a.kind, 4LL * at.row + k) * at.stride;
    const float place = k & 1 ? at.y : at.x;
    return (k < 2 ? place - reach : place + reach) / (k & 1 ? a.scale_y : a.scale_x);
}

DEVICE int not_finite(const ScrfdArguments& a, const Anchor& at) {
    int bad = !is_finite(number_at(a.score[at.stage], a.kind, at.row));
    for (int k = 0; k < 4; ++k) bad += !is_finite(edge_of(a, at, k));
    for (int k = 0; k < 10; ++k) bad += !is_finite(number_at(a.five[at.stage], a.kind, 10LL * at.row + k));
    return bad;
}

// scrfd_pick: notes the anchors whose score reaches the threshold, as keys that are larger for the better: the score's
// bits, which rise with it since it is not negative, above what is left of the index.
KERNEL(scrfd_pick, ScrfdArguments) {
    const ScrfdArguments& a = *given;
    FOR_GRID(i, anchors_at(a, 0) + anchors_at(a, 1) + anchors_at(a, 2)) {
        const Anchor at = anchor_of(a, i);
        const float score = number_at(a.score[at.stage], a.kind, at.row);
        if (not_finite(a, at)) ADD_ONE(&a.found->bad);
        if (score >= a.threshold) {
            const u64 rank = BITS_OF(fmaxf(score, 0.0f) + 0.0f);
            a.keys[ADD_ONE(&a.found->candidates)] = rank << 32 | (0xffffffffu - (unsigned)i);
        }
    }
}

DEVICE u64 best_of_block(u64 mine) {
    SHARED u64 best[MOST_THREADS];
    best[THREAD] = mine;
    SYNC();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (THREAD < half && best[THREAD + half] > best[THREAD]) best[THREAD] = best[THREAD + half];
        SYNC();
    }
    const u64 result = best[0];
    SYNC();
    return result;
}

DEVICE bool is_same_face(const ScrfdArguments& a, const float* best, const Anchor& at) {
    const float left = edge_of(a, at, 0), top = edge_of(a, at, 1);
    const float right = edge_of(a, at, 2) + 1.0f, bottom = edge_of(a, at, 3) + 1.0f;
    const float own = fmaxf(right - left, 0.0f) * fmaxf(bottom - top, 0.0f);
    const float wide = fminf(best[2] + 1.0f, right) - fmaxf(best[0], left);
    const float high = fminf(best[3] + 1.0f, bottom) - fmaxf(best[1], top);
    const float shared = fmaxf(wide, 0.0f) * fmaxf(high, 0.0f);
    const float whole = fmaxf(best[2] + 1.0f - best[0], 0.0f) * fmaxf(best[3] + 1.0f - best[1], 0.0f);
    return shared > a.iou * (whole + own - shared);
}

// scrfd_suppress: one block. Takes the best candidate left, writes it, drops those that overlap it, and so on. Of few
// faces and many candidates that is quicker than sorting.
KERNEL(scrfd_suppress, ScrfdArguments) {
    const ScrfdArguments& a = *given;
    if (BLOCK > 0) return;
    const int candidates = a.found->candidates;
    int count = 0;
    for (; count < MOST_FACES; ++count) {
        u64 mine = 0;
        FOR_BLOCK(i, candidates) if (a.keys[i] > mine) mine = a.keys[i];
        const u64 winner = best_of_block(mine);
        if (winner == 0) break;
        const Anchor at = anchor_of(a, (int)(0xffffffffu - (unsigned)winner));
        float box[4];
        for (int k = 0; k < 4; ++k) box[k] = edge_of(a, at, k);
        if (THREAD == 0) {
            FoundFace& face = a.found->faces[count];
            for (int k = 0; k < 4; ++k) face.box[k] = box[k];
            for (int k = 0; k < 10; ++k) {
                const float reach = number_at(a.five[at.stage], a.kind, 10LL * at.row + k) * at.stride;
                face.five[k] = ((k & 1 ? at.y : at.x) + reach) / (k & 1 ? a.scale_y : a.scale_x);
            }
            face.score = number_at(a.score[at.stage], a.kind, at.row);
        }
        FOR_BLOCK(i, candidates) {
            if (a.keys[i] == 0) continue;
            const Anchor other = anchor_of(a, (int)(0xffffffffu - (unsigned)a.keys[i]));
            if (a.keys[i] == winner || is_same_face(a, box, other)) a.keys[i] = 0;
        }
    }
    if (THREAD == 0) a.found->count = count;
    FOR_BLOCK(i, candidates) if (a.keys[i] != 0) ADD_ONE(&a.found->more);
}
