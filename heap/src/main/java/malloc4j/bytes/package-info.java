/// Memory operations by C's names, over segments and addresses: [malloc4j.bytes.Bytes].
///
/// | operation | by segments | by addresses |
/// |---|---|---|
/// | `memset`, `explicit_bzero` | the JDK's `fill`; 32 to 512 bytes the C library | words up to 64, then C |
/// | `memcpy`, `memmove` | the JDK's `copy`; 65 to 512 bytes the C library | words up to 32, then C |
/// | `memcmp`, `memchr`, `memrchr` | words up to 16 bytes, then the C library | the same |
/// | `memmem` | a search of ours; the C library's where neither range is large | the same |
///
/// "Words" are two or four loads of eight bytes that may overlap, without a loop. The time of `memmem` grows with
/// haystack plus needle, whatever they hold.
///
/// The C library is left out where it cannot go: in the Java heap, over files that may be cut short, and without a
/// grant of native access. Then everything is Java, and gives the same results.
///
/// ```java
/// import java.lang.foreign.Arena;
/// import java.lang.foreign.MemorySegment;
/// import malloc4j.bytes.Bytes;
///
/// void main() {
///     byte[] file = "\u007fELF\2\1\1".getBytes();
///     try (Arena arena = Arena.ofConfined()) {
///         MemorySegment header = arena.allocate(64);
///         Bytes.memcpy(header, 0, MemorySegment.ofArray(file), 0, file.length);
///         boolean isElf = Bytes.memcmp(header, 1, MemorySegment.ofArray("ELF".getBytes()), 0, 3) == 0;
///         if (!isElf || Bytes.memrchr(header, 1) != 6) throw new AssertionError();
///         long address = Bytes.memset(header.address(), -1, header.byteSize()); // C's way: nothing is checked
///         if (Bytes.memchr(address, 0, header.byteSize()) != 0) throw new AssertionError();
///     }
/// }
/// ```
@NullMarked
package malloc4j.bytes;

import org.jspecify.annotations.NullMarked;
