// The thin layer between a kernel and what runs it.
//
// NVRTC compiles the kernels for a GPU; a host compiler compiles the same text for the tests, where a launch is a plain
// loop over blocks, and a block is one thread, or several that wait for each other. No header is needed under NVRTC.
//
// Every kernel
//   - takes one pointer to its arguments, in device memory: a captured graph keeps its addresses and its launch, and
//     what changes from frame to frame (matrices, boxes, thresholds) is one small copy;
//   - covers its work by a loop that strides over the grid (FOR_GRID) or over its block (FOR_BLOCK), so that any number
//     of blocks, and of threads that is a power of two up to MOST_THREADS, gives the same result;
//   - never reads or writes outside the sizes in its arguments, whatever the matrices and boxes in them are.
//
// Structures hold pointers first, then 4-byte numbers; livecam/canvas/kernels/arguments.py mirrors them, and
// tests/canvas/test_kernel_arguments.py compares the sizes.
#pragma once

#define MOST_THREADS 256

#ifdef __CUDACC__

#define DEVICE static __device__ __forceinline__
#define KERNEL(name, Arguments) \
    extern "C" __global__ void __launch_bounds__(MOST_THREADS) name(const Arguments* __restrict__ given)
#define SHARED __shared__
#define BLOCK ((int)blockIdx.x)
#define BLOCKS ((int)gridDim.x)
#define THREAD ((int)threadIdx.x)
#define THREADS ((int)blockDim.x)
#define SYNC() __syncthreads()
#define ADD_ONE(address) atomicAdd(address, 1)
#define EXPECT(condition)
#define BITS_OF(value) ((unsigned)__float_as_int(value))
#define FLOAT_OF(bits) __int_as_float((int)(bits))

#else

#include <math.h>
#include <string.h>

struct Place {
    int block, blocks, thread, threads;
};
extern thread_local Place host_place;
void wait_for_block();
void expect(bool condition);

#define DEVICE static inline
#define KERNEL(name, Arguments) extern "C" void name(const Arguments* given)
// One block runs at a time.
#define SHARED static
#define BLOCK (host_place.block)
#define BLOCKS (host_place.blocks)
#define THREAD (host_place.thread)
#define THREADS (host_place.threads)
#define SYNC() wait_for_block()
// What must hold; the tests look whether it did, the GPU does not.
#define EXPECT(condition) expect(condition)
#define ADD_ONE(address) __atomic_fetch_add(address, 1, __ATOMIC_RELAXED)

static inline unsigned BITS_OF(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
static inline float FLOAT_OF(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif

#define FOR_GRID(index, count) \
    for (int index = BLOCK * THREADS + THREAD, index##_end = (count); index < index##_end; index += BLOCKS * THREADS)
#define FOR_BLOCK(index, count) \
    for (int index = THREAD, index##_end = (count); index < index##_end; index += THREADS)

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned long long u64;

DEVICE int least(int a, int b) { return a < b ? a : b; }
DEVICE int most(int a, int b) { return a > b ? a : b; }
// Of a value that is not a number these give `low`.
DEVICE float within(float value, float low, float high) { return fminf(fmaxf(value, low), high); }
DEVICE bool is_finite(float value) { return (BITS_OF(value) & 0x7f800000u) != 0x7f800000u; }
// A level 0..255, to the nearest, of halves to the even one: as OpenCV's saturate_cast.
DEVICE u8 level(float value) { return (u8)rintf(within(value, 0.0f, 255.0f)); }
