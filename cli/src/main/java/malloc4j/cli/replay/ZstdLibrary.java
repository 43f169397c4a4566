package malloc4j.cli.replay;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import malloc4j.cli.CliException;

/// The functions of zstd's own library that read a stream. The JDK has none, and decoders in Java go by `Unsafe` and
/// give nothing of a stream that was cut short.
final class ZstdLibrary {
    private static final String FILE_NAME = "libzstd.so.1";
    private static final long MAX_ERROR_NAME_BYTES = 256;

    private final MethodHandle createStream;
    private final MethodHandle freeStream;
    private final MethodHandle decompressStream;
    private final MethodHandle isError;
    private final MethodHandle errorName;

    private ZstdLibrary(SymbolLookup library) {
        createStream = link(library, "ZSTD_createDStream", FunctionDescriptor.of(ADDRESS));
        freeStream = link(library, "ZSTD_freeDStream", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
        decompressStream =
                link(library, "ZSTD_decompressStream", FunctionDescriptor.of(JAVA_LONG, ADDRESS, ADDRESS, ADDRESS));
        isError = link(library, "ZSTD_isError", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
        errorName = link(library, "ZSTD_getErrorName", FunctionDescriptor.of(ADDRESS, JAVA_LONG));
    }

    /// @throws CliException if this machine has no such library
    static ZstdLibrary load() {
        return load(FILE_NAME);
    }

    @SuppressWarnings("restricted")
    static ZstdLibrary load(String fileName) {
        try {
            return new ZstdLibrary(SymbolLookup.libraryLookup(fileName, Arena.global()));
        } catch (IllegalArgumentException notThere) {
            throw CliException.cannot("a trace compressed by zstd needs the library " + fileName
                    + ", which is not here: install it (Debian: libzstd1) or name the trace unpacked");
        }
    }

    /// `ZSTD_DStream *ZSTD_createDStream(void)`, NULL if there is no memory.
    MemorySegment createStream() {
        try {
            return (MemorySegment) createStream.invokeExact();
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// `size_t ZSTD_freeDStream(ZSTD_DStream *)`.
    void freeStream(MemorySegment stream) {
        try {
            long unused = (long) freeStream.invokeExact(stream);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// `size_t ZSTD_decompressStream(ZSTD_DStream *, ZSTD_outBuffer *, ZSTD_inBuffer *)`: 0 at the end of a frame, an
    /// error, or else how many bytes it would like next.
    long decompressStream(MemorySegment stream, MemorySegment out, MemorySegment in) {
        try {
            return (long) decompressStream.invokeExact(stream, out, in);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// `unsigned ZSTD_isError(size_t)`.
    boolean isError(long result) {
        try {
            return (int) isError.invokeExact(result) != 0;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// `const char *ZSTD_getErrorName(size_t)`.
    @SuppressWarnings("restricted")
    String errorName(long error) {
        try {
            var name = (MemorySegment) errorName.invokeExact(error);
            return name.reinterpret(MAX_ERROR_NAME_BYTES).getString(0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static AssertionError unexpected(Throwable thrown) {
        return new AssertionError("a downcall threw", thrown);
    }

    @SuppressWarnings("restricted")
    private static MethodHandle link(SymbolLookup library, String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), descriptor);
    }
}
