package malloc4j;

/// The fields of C's `struct mallinfo2`, in bytes where they are sizes.
///
/// @param arena bytes got from the source for slabs and large blocks, in use or not
/// @param ordblks free spans are not counted one by one here: always 1 when there is free memory, else 0
/// @param smblks free blocks in slabs
/// @param hblks blocks that are mappings of their own
/// @param hblkhd their bytes
/// @param usmblks always 0, as in the C library
/// @param fsmblks bytes of the free blocks in slabs
/// @param uordblks bytes of live blocks
/// @param fordblks bytes of `arena` that are not live
/// @param keepcost bytes that [Malloc#trim] could give back at least: free dirty pages
/// @source [mallinfo(3)](https://man7.org/linux/man-pages/man3/mallinfo.3.html)
/// @since 0.1.0
public record Mallinfo2(
        long arena,
        long ordblks,
        long smblks,
        long hblks,
        long hblkhd,
        long usmblks,
        long fsmblks,
        long uordblks,
        long fordblks,
        long keepcost) {}
