/* Replaces operator new and delete ([new.delete]) for what signet-pdf.so brings along: it is looked through before
 * libstdc++ is, for libqpdf and for libstdc++ itself, as the program has no C++ of its own. What is not replaced here
 * (arrays, nothrow) is defined to end up here. libstdc++ is bound once, by the module that loads it first, which has to
 * be this one: see sg_zip_module_get(). */
#include "formats/pdf_heap.h"

#include <algorithm>
#include <cstdlib>
#include <malloc.h>
#include <new>

#include "base/sanitize.h"

namespace sg_pdf_heap
{

static thread_local Tally *current = nullptr; /* nullptr: nothing is counted */

Counting::Counting(Tally *tally) : before(current)
{
    current = tally;
}

Counting::~Counting()
{
    current = before;
}

#if !SG_SANITIZED /* which has operators of its own: there, nothing is counted */

static void *counted(void *memory)
{
    size_t size = malloc_usable_size(memory);
    if (!memory)
        throw std::bad_alloc();
    if (current && size > current->max - current->used) {
        current->exceeded = true;
        free(memory);
        throw std::bad_alloc();
    }
    if (current)
        current->used += size;
    return memory;
}

static void give_back(void *memory) noexcept
{
    if (current) /* what it was made with before it had a tally may be among it */
        current->used -= std::min(current->used, malloc_usable_size(memory));
    free(memory);
}

#endif

} // namespace sg_pdf_heap

#if !SG_SANITIZED

void *operator new(size_t size)
{
    return sg_pdf_heap::counted(malloc(std::max<size_t>(size, 1)));
}

void *operator new(size_t size, std::align_val_t alignment)
{
    void *memory = nullptr;
    int failed = posix_memalign(&memory, std::max(static_cast<size_t>(alignment), sizeof(void *)), size);
    return sg_pdf_heap::counted(failed ? nullptr : memory);
}

void operator delete(void *memory) noexcept
{
    sg_pdf_heap::give_back(memory);
}

void operator delete(void *memory, size_t) noexcept
{
    sg_pdf_heap::give_back(memory);
}

void operator delete(void *memory, std::align_val_t) noexcept
{
    sg_pdf_heap::give_back(memory);
}

void operator delete(void *memory, size_t, std::align_val_t) noexcept
{
    sg_pdf_heap::give_back(memory);
}

#endif
