package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import malloc4j.bytes.Bytes;

/// Touches a mapped file after another process has cut all but its first page off.
///
/// Arguments: the file, how often to do it before it is cut, and what to do, or `everything harmless`.
final class TruncatedFileChild {
    private static final int BYTES = 64 << 10;
    private static final int PAGE = 4096;
    private static final int GONE = 2 * PAGE;
    private static final int LONG_RUN = 4 * PAGE; // begins in the page that stays
    private static final VarHandle LONG = JAVA_LONG.varHandle();
    private static final byte[] ARRAY = new byte[LONG_RUN];
    private static final MemorySegment OTHER = Arena.global().allocate(LONG_RUN);
    private static final MemorySegment ONES =
            MemorySegment.ofArray(new byte[100]).fill((byte) 1);

    private static long sink;

    private TruncatedFileChild() {}

    /// One way to touch memory.
    private interface Touch {
        void at(MemorySegment memory) throws Throwable;
    }

    public static void main(String[] arguments) throws Throwable {
        Path file = Path.of(arguments[0]);
        int warmUps = Integer.parseInt(arguments[1]);
        try (Mapping mapping = Mapping.ofFile(file).readWrite().map()) {
            MemorySegment memory = mapping.segment();
            Map<String, Touch> touches = harmless();
            if (!arguments[2].equals("everything harmless")) {
                touches = Map.of(arguments[2], deadly(arguments[2], mapping.address()));
            }
            for (Touch touch : touches.values()) {
                for (int round = 0; round < warmUps; round++) {
                    touch.at(memory);
                }
            }
            setLength(file, PAGE);
            touches.forEach((name, touch) -> expectError(name, touch, memory));
            setLength(file, BYTES);
            for (Touch touch : touches.values()) {
                touch.at(memory);
            }
            mapping.verify();
        }
        System.out.println("survived");
    }

    private static Map<String, Touch> harmless() {
        Map<String, Touch> touches = new LinkedHashMap<>();
        touches.put("get", memory -> sink += memory.get(JAVA_BYTE, GONE));
        touches.put("set", memory -> memory.set(JAVA_LONG, GONE, 0));
        touches.put("loop of get", memory -> {
            for (long offset = 0; offset < LONG_RUN; offset += 8) {
                sink += memory.get(JAVA_LONG, offset);
            }
        });
        touches.put("loop of set", memory -> {
            for (long offset = 0; offset < LONG_RUN; offset += 8) {
                memory.set(JAVA_LONG, offset, 0);
            }
        });
        touches.put("volatile get", memory -> sink += (long) LONG.getVolatile(memory, (long) GONE));
        touches.put("release", memory -> LONG.setRelease(memory, (long) GONE, 0L));
        touches.put("get and add", memory -> sink += (long) LONG.getAndAdd(memory, (long) GONE, 1L));
        touches.put("copy to an array", memory -> MemorySegment.copy(memory, JAVA_BYTE, 0, ARRAY, 0, LONG_RUN));
        touches.put("copy from an array", memory -> MemorySegment.copy(ARRAY, 0, memory, JAVA_BYTE, 0, LONG_RUN));
        touches.put("copy out", memory -> MemorySegment.copy(memory, 0, OTHER, 0, LONG_RUN));
        touches.put("copy in", memory -> MemorySegment.copy(OTHER, 0, memory, 0, LONG_RUN));
        touches.put("copy of a few", memory -> MemorySegment.copy(memory, GONE, OTHER, 0, 20));
        touches.put("fill", memory -> memory.asSlice(0, LONG_RUN).fill((byte) 0));
        touches.put("fill of a few", memory -> memory.asSlice(GONE, 9).fill((byte) 0));
        touches.put("string", memory -> sink += memory.getString(GONE).length());
        touches.put("buffer", memory -> sink += memory.asByteBuffer().get(GONE));
        touches.put("buffer to array", memory -> memory.asByteBuffer().get(ARRAY));
        touches.put("buffer from array", memory -> memory.asByteBuffer().put(ARRAY));
        touches.put("memset", memory -> Bytes.memset(memory, GONE, 0, 100));
        touches.put("memset of many", memory -> Bytes.memset(memory, 0, 0, LONG_RUN));
        touches.put("memcpy", memory -> Bytes.memcpy(memory, GONE, OTHER, 0, 100));
        touches.put("memmove", memory -> Bytes.memmove(OTHER, 0, memory, 0, LONG_RUN));
        touches.put("memcmp", memory -> sink += Bytes.memcmp(memory, GONE, OTHER, 0, 100));
        touches.put("memcmp of many", memory -> sink += Bytes.memcmp(OTHER, 0, memory, 0, LONG_RUN));
        touches.put("memchr", memory -> sink += Bytes.memchr(memory, 0, 1, LONG_RUN));
        touches.put("memrchr", memory -> sink += Bytes.memrchr(memory, 0, 1, LONG_RUN));
        touches.put("memmem", memory -> sink += Bytes.memmem(memory, 0, LONG_RUN, ONES, 0, 5));
        touches.put("memmem of many", memory -> sink += Bytes.memmem(memory, 0, LONG_RUN, ONES, 0, 100));
        touches.put("needle of memmem", memory -> sink += Bytes.memmem(OTHER, 0, LONG_RUN, memory, PAGE - 50, 100));
        touches.put("bzero", memory -> Bytes.explicitBzero(memory, GONE, 100));
        return touches;
    }

    /// What runs native code, or code that HotSpot brings ready-made.
    private static Touch deadly(String name, long address) {
        return switch (name) {
            case "compare and set" -> memory -> sink += LONG.compareAndSet(memory, (long) GONE, 1L, 2L) ? 1 : 0;
            case "mismatch" -> memory -> sink += memory.asSlice(0, LONG_RUN).mismatch(OTHER);
            case "strlen" -> memory -> sink += (long) strlen().invokeExact(address + GONE);
            case "crc32" ->
                memory -> {
                    CRC32 crc = new CRC32();
                    crc.update(memory.asByteBuffer());
                    sink += crc.getValue();
                };
            case "deflater" ->
                memory -> {
                    try (Deflater deflater = new Deflater()) {
                        deflater.setInput(memory.asByteBuffer());
                        sink += deflater.deflate(ARRAY);
                    }
                };
            default -> throw new AssertionError(name);
        };
    }

    @SuppressWarnings("restricted")
    private static MethodHandle strlen() {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow("strlen"), FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    }

    private static void expectError(String name, Touch touch, MemorySegment memory) {
        try {
            touch.at(memory);
        } catch (InternalError expected) {
            System.out.println(name + ": " + expected.getMessage());
            return;
        } catch (Throwable other) {
            throw new AssertionError(name, other);
        }
        throw new AssertionError(name + " met no error");
    }

    /// Sets a file's length in another process.
    private static void setLength(Path file, long byteSize) throws IOException, InterruptedException {
        List<String> command = List.of("truncate", "-s", Long.toString(byteSize), file.toString());
        if (new ProcessBuilder(command).inheritIO().start().waitFor() != 0) {
            throw new AssertionError(command + " failed");
        }
    }
}
