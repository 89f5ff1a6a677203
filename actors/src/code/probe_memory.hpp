// Memory of cnode_probe, laid out so that damaged code cannot get by through luck: whatever it reaches beyond its own is not mapped,
// and blocks of malloc end where the mapped memory ends. In a sanitizer's build all of this is left to the sanitizer.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cnode::actors::probe {

constexpr std::size_t page = 4096;

// Far from each other and from what the kernel chooses, and, as all addresses of a node, so high that twice one or the sum of two is none.
constexpr std::uintptr_t heap_address = 0x6b5a'0000'0000, stack_address = 0x735c'8000'0000, data_address = 0x694d'4000'0000;

// malloc (probe_malloc.cpp): whether blocks are guarded from now on, and what they are full of.
void guard_new_blocks(bool on, std::uint8_t pattern);
// Ends the process when something was written outside of a living guarded block.
void check_blocks();

// Makes the next dlopen of the file put it at a place with nothing else for 2 GiB on either side, the reach of an address in an
// instruction; each time at another one. Best effort: without room the file goes where the kernel puts it.
void isolate_next(const char* path);

// Runs f() on a thread whose stack is as far from everything else. As the node does it, not on the first thread: code of libstdc++
// takes other ways in a process with a single one. False: no memory for it.
bool run_on_far_stack(void (*f)());

// A copy of `size` bytes that ends where the mapped memory ends and cannot be written. nullptr: no memory for it.
const void* read_only(const void* data, std::size_t size);

}  // namespace cnode::actors::probe
