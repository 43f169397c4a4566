package malloc4j;

/// Where a heap's memory comes from.
///
/// @since 0.1.0
public enum MemorySource {
    /// Private anonymous mappings: the default.
    MMAP,

    /// The program break, in few large steps, next to the C library's own use of it; mappings when the break cannot
    /// grow. Blocks above the mmap threshold are mappings always. See the dangers in docs/architecture.md.
    BRK,

    /// Private anonymous mappings that ask for transparent huge pages (`MADV_HUGEPAGE`).
    HUGE,

    /// Pages of the kernel's huge page pool (`MAP_HUGETLB`, `vm.nr_hugepages`), transparent huge pages where it is
    /// empty.
    HUGETLB,

    /// A memory file (`memfd_create`), mapped shared.
    SHARED_MEMORY,

    /// Shared mappings of the file that [HeapOptions.Builder#file] names, which is created or emptied.
    FILE
}
