package malloc4j.bytes;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.memory.RawMemory;

/// Memory of some kind with the operations of [Bytes] on it, all by offset; what is not found is -1.
interface Place {
    MemorySegment segment();

    default byte[] toArray() {
        return segment().toArray(ValueLayout.JAVA_BYTE);
    }

    default Place fill(byte[] content) {
        MemorySegment.copy(content, 0, segment(), ValueLayout.JAVA_BYTE, 0, content.length);
        return this;
    }

    void memset(long offset, int value, long byteSize);

    void explicitBzero(long offset, long byteSize);

    void memcpy(long to, long from, long byteSize);

    void memmove(long to, long from, long byteSize);

    int memcmp(long left, long right, long byteSize);

    long memchr(long offset, int value, long byteSize);

    long memrchr(long offset, int value, long byteSize);

    long memmem(long haystack, long haystackBytes, long needle, long needleBytes);

    /// Every way that [Bytes] distinguishes.
    enum Kind {
        /// Outside the Java heap, by address.
        ADDRESS,
        /// Outside the Java heap, by segment.
        NATIVE,
        /// The same, of an arena that any thread may close.
        SHARED,
        /// The same, listed in [FaultingRanges].
        FAULTING,
        /// A file that the JDK has mapped.
        MAPPED,
        BYTE_ARRAY,
        LONG_ARRAY;

        /// Zeroed memory of this kind, for as long as `arena` lives.
        Place allocate(Arena arena, long byteSize) {
            return switch (this) {
                case ADDRESS -> new Addresses(arena.allocate(byteSize, 64));
                case NATIVE -> new Segments(arena.allocate(byteSize, 64));
                case SHARED -> new Segments(closedWith(arena, Arena.ofShared()).allocate(byteSize, 64));
                case FAULTING -> new Segments(listed(arena, arena.allocate(byteSize, 64)));
                case MAPPED -> new Segments(mapped(arena, byteSize));
                case BYTE_ARRAY -> new Segments(MemorySegment.ofArray(new byte[(int) byteSize]));
                case LONG_ARRAY ->
                    new Segments(MemorySegment.ofArray(new long[(int) (byteSize + 7) / 8])
                            .asSlice(0, byteSize));
            };
        }

        private static Arena closedWith(Arena arena, Arena inner) {
            RawMemory.onClose(arena, inner::close);
            return inner;
        }

        private static MemorySegment listed(Arena arena, MemorySegment segment) {
            FaultingRanges.add(segment.address(), segment.byteSize());
            RawMemory.onClose(arena, () -> FaultingRanges.remove(segment.address(), segment.byteSize()));
            return segment;
        }

        private static MemorySegment mapped(Arena arena, long byteSize) {
            try {
                Path file = Files.createTempFile("bytes", ".bin");
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                    return channel.map(FileChannel.MapMode.READ_WRITE, 0, byteSize, arena);
                } finally {
                    Files.delete(file);
                }
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
        }
    }

    /// By segment and offset.
    record Segments(MemorySegment segment) implements Place {
        @Override
        public void memset(long offset, int value, long byteSize) {
            Bytes.memset(segment, offset, value, byteSize);
        }

        @Override
        public void explicitBzero(long offset, long byteSize) {
            Bytes.explicitBzero(segment, offset, byteSize);
        }

        @Override
        public void memcpy(long to, long from, long byteSize) {
            Bytes.memcpy(segment, to, segment, from, byteSize);
        }

        @Override
        public void memmove(long to, long from, long byteSize) {
            Bytes.memmove(segment, to, segment, from, byteSize);
        }

        @Override
        public int memcmp(long left, long right, long byteSize) {
            return Bytes.memcmp(segment, left, segment, right, byteSize);
        }

        @Override
        public long memchr(long offset, int value, long byteSize) {
            return Bytes.memchr(segment, offset, value, byteSize);
        }

        @Override
        public long memrchr(long offset, int value, long byteSize) {
            return Bytes.memrchr(segment, offset, value, byteSize);
        }

        @Override
        public long memmem(long haystack, long haystackBytes, long needle, long needleBytes) {
            return Bytes.memmem(segment, haystack, haystackBytes, segment, needle, needleBytes);
        }
    }

    /// By address.
    record Addresses(MemorySegment segment) implements Place {
        @Override
        public void memset(long offset, int value, long byteSize) {
            long result = Bytes.memset(at(offset), value, byteSize);
            expect(result, offset);
        }

        @Override
        public void explicitBzero(long offset, long byteSize) {
            Bytes.explicitBzero(at(offset), byteSize);
        }

        @Override
        public void memcpy(long to, long from, long byteSize) {
            long result = Bytes.memcpy(at(to), at(from), byteSize);
            expect(result, to);
        }

        @Override
        public void memmove(long to, long from, long byteSize) {
            long result = Bytes.memmove(at(to), at(from), byteSize);
            expect(result, to);
        }

        @Override
        public int memcmp(long left, long right, long byteSize) {
            return Bytes.memcmp(at(left), at(right), byteSize);
        }

        @Override
        public long memchr(long offset, int value, long byteSize) {
            return offsetOf(Bytes.memchr(at(offset), value, byteSize));
        }

        @Override
        public long memrchr(long offset, int value, long byteSize) {
            return offsetOf(Bytes.memrchr(at(offset), value, byteSize));
        }

        @Override
        public long memmem(long haystack, long haystackBytes, long needle, long needleBytes) {
            return offsetOf(Bytes.memmem(at(haystack), haystackBytes, at(needle), needleBytes));
        }

        private long at(long offset) {
            return segment.address() + offset;
        }

        private long offsetOf(long address) {
            return address == 0 ? -1 : address - segment.address();
        }

        private void expect(long result, long offset) {
            if (result != at(offset)) {
                throw new AssertionError("returned " + offsetOf(result) + " instead of " + offset);
            }
        }
    }
}
