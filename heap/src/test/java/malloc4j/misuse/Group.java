package malloc4j.misuse;

/// The groups of bad input that an allocator must survive or detect, in the order of docs/guarantees.md.
enum Group {
    FREE_OF_NULL(1, "`free(NULL)`", "Freeing nothing does nothing."),
    NEVER_ALLOCATED(
            2,
            "Free of what was never allocated",
            "Every address is looked up in records that lie apart from the blocks, so one that is nobody's is refused"
                    + " wherever it points."),
    INTERIOR(3, "Free of an address inside or behind a block", "Only the very address that was given out is freed."),
    DOUBLE_FREE(
            4,
            "Double free",
            "A free block is a bit, which a second free finds; what it cannot find is that the address has been given"
                    + " out again."),
    WRONG_SIZE(
            5,
            "Free with a wrong size or alignment",
            "No call that frees takes a size or an alignment to be wrong about: a segment's first address is all that"
                    + " counts."),
    WRONG_HEAP(
            6, "Free on another heap, and after a heap was closed", "A heap frees its own blocks, while it is open."),
    OUT_OF_BOUNDS(
            7,
            "Overflow and underflow",
            "Bounds of a block's bare address are nobody's: they are known where the block lies between guards, up to"
                    + " 32 KiB."),
    AFTER_FREE(
            8,
            "Touch after free",
            "A freed block's memory may be anybody's, except that of a guarded block, which is nobody's until its slot"
                    + " is used again."),
    ZERO_BYTES(9, "`malloc(0)`", "A block of no bytes has an address of its own."),
    IMPOSSIBLE_SIZES(
            10, "Impossible sizes", "A size that no address space has is refused before anything is asked of it."),
    REALLOC(11, "`realloc`", "A refused `realloc` leaves the block as it was."),
    ALIGNMENT(12, "Alignments", "An alignment is a power of two, for `posix_memalign` a multiple of 8 too."),
    OUT_OF_MEMORY(
            13, "Out of memory, and after it", "A refusal is an exception or 0; what is freed can be allocated again."),
    FOREIGN_BREAK(
            14,
            "The program break moves",
            "The break is everybody's: what somebody else takes of it is no block, and without it there are mappings."),
    THREADS(
            15,
            "Threads that come, end and come first",
            "Any call may be a thread's first, any thread may free any block."),
    CONCURRENT_WALKS(16, "`trim` and statistics while others work", "What walks over a heap stops nobody."),
    CLOCK_AND_DELAY(17, "Clocks and purge delays", "Time decides when memory goes back, and nothing else."),
    PAGES(18, "Page sizes and huge pages", "Sizes are counted in the kernel's pages, whatever those are."),
    OPTIONS(19, "Options", "An option that is no such thing is refused by its name."),
    CORRUPTION(
            20,
            "Corrupted free memory and records",
            "No list runs through free memory, so what is written there leads no free or malloc astray.");

    final int number;
    final String title;
    final String sentence;

    Group(int number, String title, String sentence) {
        this.number = number;
        this.title = title;
        this.sentence = sentence;
    }
}
