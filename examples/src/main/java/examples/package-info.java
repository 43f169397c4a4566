/// Programs to copy: each file is one, and needs malloc4j alone.
///
/// ```
///   OffHeapCache      a cache of strings that fills its memory exactly, and drops what was used longest ago
///   FileIndex         a table on disk, of any size, read and written in place
///   SortInC           qsort(3) over a heap's memory, with a budget
///   RequestServer     an HTTP server whose requests have an arena each
/// ```
@NullMarked
package examples;

import org.jspecify.annotations.NullMarked;
