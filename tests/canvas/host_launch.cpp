// Runs kernels on the host: appended to their text, see host_kernels.py. Blocks follow each other; the threads of one
// block are real ones that wait for each other, so that a missing SYNC shows.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

thread_local Place host_place{0, 1, 0, 1};

namespace {
std::mutex gate;
std::condition_variable opened;
int waiting = 0, round_number = 0;
std::atomic<int> broken{0};

void run(void (*kernel)(const void*), const void* arguments, Place place) {
    host_place = place;
    kernel(arguments);
}
}  // namespace

void wait_for_block() {
    if (host_place.threads == 1) return;
    std::unique_lock<std::mutex> lock(gate);
    const int now = round_number;
    if (++waiting == host_place.threads) {
        waiting = 0;
        ++round_number;
        opened.notify_all();
    } else {
        opened.wait(lock, [now] { return round_number != now; });
    }
}

void expect(bool condition) {
    if (!condition) ++broken;
}

// How many expectations did not hold.
extern "C" int launch(void (*kernel)(const void*), const void* arguments, int blocks, int threads) {
    broken = 0;
    for (int block = 0; block < blocks; ++block) {
        if (threads == 1) {
            run(kernel, arguments, Place{block, blocks, 0, 1});
            continue;
        }
        std::vector<std::thread> crew;
        for (int thread = 0; thread < threads; ++thread)
            crew.emplace_back(run, kernel, arguments, Place{block, blocks, thread, threads});
        for (std::thread& one : crew) one.join();
    }
    return broken;
}

#define SIZE_OF(Structure) \
    extern "C" int size_of_##Structure() { return (int)sizeof(Structure); }
SIZE_OF(Image)
SIZE_OF(Area)
SIZE_OF(WarpArguments)
SIZE_OF(ReadArguments)
SIZE_OF(PaintArguments)
SIZE_OF(PatchArguments)
SIZE_OF(RecolourArguments)
SIZE_OF(BlockArguments)
SIZE_OF(PictureArguments)
SIZE_OF(FoundFace)
SIZE_OF(Found)
SIZE_OF(ScrfdArguments)
SIZE_OF(PickArguments)
SIZE_OF(SplitArguments)
SIZE_OF(JoinArguments)
SIZE_OF(LayArguments)
SIZE_OF(MixArguments)
SIZE_OF(Sums)
SIZE_OF(SumsArguments)
SIZE_OF(ShareArguments)
SIZE_OF(SoftenArguments)
SIZE_OF(MergeArguments)
SIZE_OF(TrimArguments)
SIZE_OF(MarkArguments)
SIZE_OF(Transfer)
SIZE_OF(Colours)
SIZE_OF(ColourArguments)
