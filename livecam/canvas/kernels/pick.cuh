// Detectors to faces: YuNet's and YOLO-face's outputs become the same `Found` as SCRFD's (scrfd.cuh).
//
// Each picks its candidates, with their boxes and points in px of the frame beside them; `suppress` keeps the best of
// each cluster. `Found` is all zero before. Values that are not finite are counted in `bad`, faces that did not fit in
// `more`: whoever reads either other than 0 has not seen everybody, and withholds the frame.
//
// Arithmetic: livecam/vision/detect/yunet.py, yolo.py, detector.py (into the frame) and nms.py.
#pragma once
#include "scrfd.cuh"

struct PickArguments {
    const void *score[3], *object[3], *box[3], *five[3];  // YOLO: all are its only output, (20, rows)
    u64* keys;                                            // one for each row
    FoundFace* faces;                                     // likewise
    Found* found;
    int width, height;  // of the network's picture
    int rows;           // YuNet: of all strides; YOLO: of its output
    int kind;
    float threshold, iou;
    float scale_x, scale_y;  // px of the picture for a px of the frame
};

// Notes row `index`, of a score of at least the threshold, whose face is in px of the picture.
DEVICE void note_face(const PickArguments& a, int index, FoundFace face) {
    int bad = 0;
    for (int k = 0; k < 4; ++k) face.box[k] /= k & 1 ? a.scale_y : a.scale_x;
    for (int k = 0; k < 10; ++k) face.five[k] /= k & 1 ? a.scale_y : a.scale_x;
    for (int k = 0; k < 4; ++k) bad += !is_finite(face.box[k]);
    for (int k = 0; k < 10; ++k) bad += !is_finite(face.five[k]);
    if (bad) ADD_ONE(&a.found->bad);
    a.faces[index] = face;
    // Larger for the better, and of equal scores for the earlier row.
    const u64 rank = BITS_OF(fmaxf(face.score, 0.0f) + 0.0f);
    a.keys[ADD_ONE(&a.found->candidates)] = rank << 32 | (0xffffffffu - (unsigned)index);
}

// yunet_pick: one row for each cell, on its upper left corner; sizes as exponents, in strides.
KERNEL(yunet_pick, PickArguments) {
    const PickArguments& a = *given;
    FOR_GRID(i, a.rows) {
        int stage = 0, row = i;
        while (stage < 2 && row >= (a.width >> (3 + stage)) * (a.height >> (3 + stage))) {
            row -= (a.width >> (3 + stage)) * (a.height >> (3 + stage));
            ++stage;
        }
        const int across = a.width >> (3 + stage);
        const float stride = (float)(8 << stage);
        const float x = (float)(row % across) * stride, y = (float)(row / across) * stride;
        const float score = number_at(a.score[stage], a.kind, row), object = number_at(a.object[stage], a.kind, row);
        float box[4];
        FoundFace face;
        int bad = !is_finite(score) + !is_finite(object);
        for (int k = 0; k < 4; ++k) bad += !is_finite(box[k] = number_at(a.box[stage], a.kind, 4LL * row + k));
        for (int k = 0; k < 10; ++k) {
            const float reach = number_at(a.five[stage], a.kind, 10LL * row + k);
            bad += !is_finite(reach);
            face.five[k] = (k & 1 ? y : x) + reach * stride;
        }
        if (bad) ADD_ONE(&a.found->bad);
        face.score = sqrtf(within(score, 0.0f, 1.0f) * within(object, 0.0f, 1.0f));
        if (bad || !(face.score >= a.threshold)) continue;
        for (int k = 0; k < 4; ++k) {
            const float middle = (k & 1 ? y : x) + box[k & 1] * stride, half = expf(box[2 + (k & 1)]) * 0.5f * stride;
            face.box[k] = k < 2 ? middle - half : middle + half;
        }
        note_face(a, i, face);
    }
}

// yolo_pick: (20, rows): centre, size, score, then five times x, y and confidence; px of the picture already.
KERNEL(yolo_pick, PickArguments) {
    const PickArguments& a = *given;
    FOR_GRID(i, a.rows) {
        float values[20];
        int bad = 0;
        for (int k = 0; k < 20; ++k)
            bad += !is_finite(values[k] = number_at(a.box[0], a.kind, (long long)k * a.rows + i));
        if (bad) ADD_ONE(&a.found->bad);
        if (bad || !(values[4] >= a.threshold)) continue;
        FoundFace face;
        for (int k = 0; k < 4; ++k) face.box[k] = values[k & 1] + (k < 2 ? -0.5f : 0.5f) * values[2 + (k & 1)];
        for (int k = 0; k < 10; ++k) face.five[k] = values[5 + 3 * (k / 2) + (k & 1)];
        face.score = values[4];
        note_face(a, i, face);
    }
}

DEVICE bool is_one_face(const float* best, const float* box, float iou) {
    const float wide = fminf(best[2], box[2]) - fmaxf(best[0], box[0]);
    const float high = fminf(best[3], box[3]) - fmaxf(best[1], box[1]);
    const float shared = fmaxf(wide, 0.0f) * fmaxf(high, 0.0f);
    const float whole = fmaxf(best[2] - best[0], 0.0f) * fmaxf(best[3] - best[1], 0.0f);
    const float own = fmaxf(box[2] - box[0], 0.0f) * fmaxf(box[3] - box[1], 0.0f);
    return shared > iou * (whole + own - shared);
}

// suppress: one block. As scrfd_suppress, of boxes that are written out.
KERNEL(suppress, PickArguments) {
    const PickArguments& a = *given;
    if (BLOCK > 0) return;
    const int candidates = a.found->candidates;
    int count = 0;
    for (; count < MOST_FACES; ++count) {
        u64 mine = 0;
        FOR_BLOCK(i, candidates) if (a.keys[i] > mine) mine = a.keys[i];
        const u64 winner = best_of_block(mine);
        if (winner == 0) break;
        const FoundFace& best = a.faces[0xffffffffu - (unsigned)winner];
        if (THREAD == 0) a.found->faces[count] = best;
        FOR_BLOCK(i, candidates) {
            if (a.keys[i] == 0) continue;
            const FoundFace& other = a.faces[0xffffffffu - (unsigned)a.keys[i]];
            if (a.keys[i] == winner || is_one_face(best.box, other.box, a.iou)) a.keys[i] = 0;
        }
    }
    if (THREAD == 0) a.found->count = count;
    FOR_BLOCK(i, candidates) if (a.keys[i] != 0) ADD_ONE(&a.found->more);
}
