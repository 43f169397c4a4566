package malloc4j.internal.region;

import malloc4j.internal.os.Linux;

/// The kernel's page, and how a chunk is made of such pages. Constants to the JIT.
///
/// ```
///   chunk   | page 0 | page 1 | page 2 | ...           | page 15 |      pages of 4 KiB
///           | page 0                          | ...    | page 3  |      of 16 KiB
///           | page 0                                             |      of 64 KiB
/// ```
public final class PageGeometry {
    /// The kernel's page in bytes.
    public static final long PAGE_BYTES = Ground.process().calls().sysconf(Linux._SC_PAGESIZE);

    public static final int PAGE_SHIFT = Long.numberOfTrailingZeros(PAGE_BYTES);

    /// How many of the kernel's pages a chunk has: 16, or 1 where they are 64 KiB.
    public static final int PAGES_PER_CHUNK = (int) (Zone.CHUNK_BYTES / PAGE_BYTES);

    private PageGeometry() {}
}
