package malloc4j.bytes;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import malloc4j.internal.memory.FaultingRanges;

/// The C library's own memory functions, by critical downcalls: no change of thread state, some 3 ns a call.
///
/// ```
/// addresses    long (long, long, long)                   memset memmove memcmp memchr memrchr
/// segments     long (segment, long, long)                memset memchr memrchr
///              long (segment, segment, long)             memmove memcmp
/// each         long (.., long, .., long)                 memmem
/// ```
///
/// An `int` parameter is passed as a `long`: the upper half of the register is not looked at. An `int` result is
/// its lower half.
///
/// - The JVM cannot stop for a safepoint while a critical call runs, so long ranges are cut into pieces of
///   [#PIECE_BYTES].
/// - A segment is kept alive by the linker while the call runs.
/// - A page that vanishes under native code ends the JVM, so a segment which may lie over a file does not come here
///   ([#takes]).
/// - The holders are linked when first used: the first signature of a process takes tens of milliseconds. Without a
///   grant of native access segments are handled in Java; addresses need the grant anyway.
@SuppressWarnings("restricted") // the one class of this package that links native code
final class CLibrary {
    /// 1 MiB: 10 to 50 us of a warm memory's bandwidth.
    static final long PIECE_BYTES = 1 << 20;

    private static final boolean NATIVE_ACCESS = CLibrary.class.getModule().isNativeAccessEnabled();

    private CLibrary() {}

    /// Whether `byteSize` bytes of a segment may be handed to native code: outside the Java heap, and not over a
    /// file, as far as anybody has told.
    static boolean takes(MemorySegment segment, long offset, long byteSize) {
        return NATIVE_ACCESS && segment.isNative() && staysThere(segment, offset, byteSize);
    }

    /// Whether no page of `byteSize` bytes of a segment, at least one, can vanish, as far as anybody has told.
    static boolean staysThere(MemorySegment segment, long offset, long byteSize) {
        return !segment.isNative()
                || (!segment.isMapped() && !FaultingRanges.overlap(segment.address() + offset, byteSize));
    }

    /// Whether `memmem` pays: it is faster than [NeedleSearch] in small haystacks, but for needles of 2 and 3 bytes
    /// and of more than 256. It may take as many steps as the product of both sizes, so neither may be large.
    static boolean isFastMemmem(long haystackBytes, long needleBytes) {
        return haystackBytes <= (needleBytes <= NeedleSearch.SHORT_BYTES ? 512 : 8192)
                && haystackBytes > 16
                && needleBytes > 3
                && needleBytes <= 256;
    }

    // Addresses.

    static void memset(long address, int value, long byteSize) {
        try {
            if (byteSize <= PIECE_BYTES) {
                long unused = (long) OfAddresses.MEMSET.invokeExact(address, (long) value, byteSize);
                return;
            }
        } catch (Throwable thrown) {
            throw impossible(thrown);
        }
        for (long done = 0; done < byteSize; done += PIECE_BYTES) {
            memset(address + done, value, Math.min(PIECE_BYTES, byteSize - done));
        }
    }

    /// The pieces are copied in the order in which none overwrites the source of a later one.
    static void memmove(long destination, long source, long byteSize) {
        try {
            if (byteSize <= PIECE_BYTES) {
                long unused = (long) OfAddresses.MEMMOVE.invokeExact(destination, source, byteSize);
                return;
            }
        } catch (Throwable thrown) {
            throw impossible(thrown);
        }
        boolean upwards = destination <= source;
        for (long done = 0; done < byteSize; done += PIECE_BYTES) {
            long piece = Math.min(PIECE_BYTES, byteSize - done);
            long offset = upwards ? done : byteSize - done - piece;
            memmove(destination + offset, source + offset, piece);
        }
    }

    static int memcmp(long left, long right, long byteSize) {
        try {
            if (byteSize <= PIECE_BYTES) {
                return (int) (long) OfAddresses.MEMCMP.invokeExact(left, right, byteSize);
            }
        } catch (Throwable thrown) {
            throw impossible(thrown);
        }
        int difference = 0;
        for (long done = 0; done < byteSize && difference == 0; done += PIECE_BYTES) {
            difference = memcmp(left + done, right + done, Math.min(PIECE_BYTES, byteSize - done));
        }
        return difference;
    }

    /// Returns the address of the first byte, or 0.
    static long memchr(long address, int value, long byteSize) {
        try {
            if (byteSize <= PIECE_BYTES) {
                return (long) OfAddresses.MEMCHR.invokeExact(address, (long) value, byteSize);
            }
        } catch (Throwable thrown) {
            throw impossible(thrown);
        }
        long found = 0;
        for (long done = 0; done < byteSize && found == 0; done += PIECE_BYTES) {
            found = memchr(address + done, value, Math.min(PIECE_BYTES, byteSize - done));
        }
        return found;
    }

    /// Returns the address of the last byte, or 0.
    static long memrchr(long address, int value, long byteSize) {
        try {
            if (byteSize <= PIECE_BYTES) {
                return (long) OfAddresses.MEMRCHR.invokeExact(address, (long) value, byteSize);
            }
        } catch (Throwable thrown) {
            throw impossible(thrown);
        }
        long found = 0;
        for (long left = byteSize; left > 0 && found == 0; left -= PIECE_BYTES) {
            long piece = Math.min(PIECE_BYTES, left);
            found = memrchr(address + left - piece, value, piece);
        }
        return found;
    }

    /// Returns the address of the first occurrence, or 0.
    static long memmem(long haystack, long haystackBytes, long needle, long needleBytes) {
        try {
            return (long) OfFourAddresses.MEMMEM.invokeExact(haystack, haystackBytes, needle, needleBytes);
        } catch (Throwable thrown) {
            throw impossible(thrown);
        }
    }

    // Segments.

    static void memset(MemorySegment segment, long offset, int value, long byteSize) {
        try {
            long unused =
                    (long) OfSegments.MEMSET.invokeExact(segment.asSlice(offset, byteSize), (long) value, byteSize);
        } catch (Throwable thrown) {
            throw passOn(thrown);
        }
    }

    static void memmove(
            MemorySegment destination, long destinationOffset, MemorySegment source, long sourceOffset, long byteSize) {
        try {
            long unused = (long) OfSegments.MEMMOVE.invokeExact(
                    destination.asSlice(destinationOffset, byteSize), source.asSlice(sourceOffset, byteSize), byteSize);
        } catch (Throwable thrown) {
            throw passOn(thrown);
        }
    }

    static int memcmp(MemorySegment left, long leftOffset, MemorySegment right, long rightOffset, long byteSize) {
        try {
            if (byteSize <= PIECE_BYTES) {
                return (int) (long) OfSegments.MEMCMP.invokeExact(
                        left.asSlice(leftOffset, byteSize), right.asSlice(rightOffset, byteSize), byteSize);
            }
        } catch (Throwable thrown) {
            throw passOn(thrown);
        }
        int difference = 0;
        for (long done = 0; done < byteSize && difference == 0; done += PIECE_BYTES) {
            long piece = Math.min(PIECE_BYTES, byteSize - done);
            difference = memcmp(left, leftOffset + done, right, rightOffset + done, piece);
        }
        return difference;
    }

    /// Returns the offset of the first byte in `segment`, or -1.
    static long memchr(MemorySegment segment, long offset, int value, long byteSize) {
        try {
            if (byteSize <= PIECE_BYTES) {
                long found =
                        (long) OfSegments.MEMCHR.invokeExact(segment.asSlice(offset, byteSize), (long) value, byteSize);
                return found == 0 ? -1 : found - segment.address();
            }
        } catch (Throwable thrown) {
            throw passOn(thrown);
        }
        long found = -1;
        for (long done = 0; done < byteSize && found < 0; done += PIECE_BYTES) {
            found = memchr(segment, offset + done, value, Math.min(PIECE_BYTES, byteSize - done));
        }
        return found;
    }

    /// Returns the offset of the last byte in `segment`, or -1.
    static long memrchr(MemorySegment segment, long offset, int value, long byteSize) {
        try {
            if (byteSize <= PIECE_BYTES) {
                long found = (long)
                        OfSegments.MEMRCHR.invokeExact(segment.asSlice(offset, byteSize), (long) value, byteSize);
                return found == 0 ? -1 : found - segment.address();
            }
        } catch (Throwable thrown) {
            throw passOn(thrown);
        }
        long found = -1;
        for (long left = byteSize; left > 0 && found < 0; left -= PIECE_BYTES) {
            long piece = Math.min(PIECE_BYTES, left);
            found = memrchr(segment, offset + left - piece, value, piece);
        }
        return found;
    }

    /// Returns the offset of the first occurrence in `haystack`, or -1.
    static long memmem(
            MemorySegment haystack,
            long haystackOffset,
            long haystackBytes,
            MemorySegment needle,
            long needleOffset,
            long needleBytes) {
        try {
            long found = (long) OfTwoSegments.MEMMEM.invokeExact(
                    haystack.asSlice(haystackOffset, haystackBytes),
                    haystackBytes,
                    needle.asSlice(needleOffset, needleBytes),
                    needleBytes);
            return found == 0 ? -1 : found - haystack.address();
        } catch (Throwable thrown) {
            throw passOn(thrown);
        }
    }

    /// A closed or a foreign thread's segment is refused by the linker.
    private static RuntimeException passOn(Throwable thrown) {
        return thrown instanceof RuntimeException refused ? refused : impossible(thrown);
    }

    /// A downcall throws nothing of its own.
    private static IllegalStateException impossible(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("A downcall has thrown", thrown);
    }

    private static MethodHandle link(String symbol, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        MemorySegment function = linker.defaultLookup().findOrThrow(symbol);
        return linker.downcallHandle(function, descriptor, Linker.Option.critical(false));
    }

    private static final class OfAddresses {
        private static final FunctionDescriptor WORDS =
                FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
        static final MethodHandle MEMSET = link("memset", WORDS);
        static final MethodHandle MEMMOVE = link("memmove", WORDS);
        static final MethodHandle MEMCMP = link("memcmp", WORDS);
        static final MethodHandle MEMCHR = link("memchr", WORDS);
        static final MethodHandle MEMRCHR = link("memrchr", WORDS);
    }

    private static final class OfSegments {
        private static final FunctionDescriptor ONE = FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
        private static final FunctionDescriptor TWO = FunctionDescriptor.of(JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG);
        static final MethodHandle MEMSET = link("memset", ONE);
        static final MethodHandle MEMCHR = link("memchr", ONE);
        static final MethodHandle MEMRCHR = link("memrchr", ONE);
        static final MethodHandle MEMMOVE = link("memmove", TWO);
        static final MethodHandle MEMCMP = link("memcmp", TWO);
    }

    private static final class OfFourAddresses {
        static final MethodHandle MEMMEM =
                link("memmem", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    }

    private static final class OfTwoSegments {
        static final MethodHandle MEMMEM =
                link("memmem", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG));
    }
}
