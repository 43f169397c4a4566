/// C libraries that take their memory from a heap, by functions that they are given.
///
/// ```
///   ProcessHooks   SQLite, libxml2, OpenSSL, curl, GMP, CPython:  once for the process     \
///   ObjectHooks    zlib, zstd, expat, PCRE2, Lua, libpng, FreeType:  for each object        > HeapCallbacks ---> Heap
///   CFunction      any other library: one of the shapes that such functions have in C     /
/// ```
@NullMarked
package malloc4j.callbacks;

import org.jspecify.annotations.NullMarked;
