// All kernels in one text: livecam/canvas/kernels/__init__.py puts the included files in place of these lines.
#include "warp.cuh"
#include "read.cuh"
#include "paint.cuh"
#include "blocks.cuh"
#include "picture.cuh"
#include "scrfd.cuh"
