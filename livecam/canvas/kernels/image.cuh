// Images of 8 bit, and what lies between their pixels.
#pragma once
#include "device.cuh"

// (height, width, 3) u8 BGR, or (height, width) u8 where a kernel says so; `pitch` bytes from row to row.
struct Image {
    u8* data;
    int width, height, pitch, unused;
};

DEVICE u8* pixel_at(const Image& image, int x, int y, int channels = 3) {
    EXPECT(x >= 0 && y >= 0 && x < image.width && y < image.height);
    return image.data + (long long)y * image.pitch + x * channels;
}

// The four pixels around a place, and their weights.
struct Around {
    int x0, y0, x1, y1;
    float right, down;
};

// Beyond its edges the image goes on as it ends. A place that is not a number is the upper left corner.
DEVICE Around around(const Image& image, float x, float y) {
    x = within(x, 0.0f, (float)(image.width - 1));
    y = within(y, 0.0f, (float)(image.height - 1));
    const int x0 = (int)x, y0 = (int)y;
    return Around{x0, y0, least(x0 + 1, image.width - 1), least(y0 + 1, image.height - 1), x - (float)x0, y - (float)y0};
}

DEVICE float mixed(float a, float b, float share) { return a + (b - a) * share; }

// Adds the bilinear mean of B, G, R at (x, y), times `weight`, to `sum`.
DEVICE void add_sample(const Image& image, float x, float y, float weight, float* sum) {
    const Around at = around(image, x, y);
    const u8 *a = pixel_at(image, at.x0, at.y0), *b = pixel_at(image, at.x1, at.y0);
    const u8 *c = pixel_at(image, at.x0, at.y1), *d = pixel_at(image, at.x1, at.y1);
    for (int k = 0; k < 3; ++k)
        sum[k] += weight * mixed(mixed(a[k], b[k], at.right), mixed(c[k], d[k], at.right), at.down);
}

// A box in px; cut to an image it may be empty.
struct Area {
    int left, top, width, height;
};

DEVICE Area cut(const Area& area, const Image& image) {
    const int left = most(area.left, 0), top = most(area.top, 0);
    const int right = (int)(within((float)area.left + (float)area.width, 0.0f, (float)image.width));
    const int bottom = (int)(within((float)area.top + (float)area.height, 0.0f, (float)image.height));
    return Area{left, top, most(right - left, 0), most(bottom - top, 0)};
}
