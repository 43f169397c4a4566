package malloc4j.misuse;

import java.util.Locale;
import malloc4j.DebugMode;
import malloc4j.HeapOptions;

/// A way to run a heap that decides what of its misuse is detected.
enum Mode {
    /// As a heap is where nobody says.
    OFF("`HeapOptions.defaults()`", 0, DebugMode.OFF),
    /// Every block lies between guards that may.
    GUARD("`guardEvery(1)`", 1, DebugMode.OFF),
    /// A debug heap whose blocks lie between red zones.
    REDZONE("`debug(REDZONE)`", 0, DebugMode.REDZONE),
    /// A debug heap whose blocks lie between guards that may, the others between red zones.
    FULL("`debug(FULL)`", 0, DebugMode.FULL);

    final String text;
    private final long guardEvery;
    private final DebugMode debug;

    Mode(String text, long guardEvery, DebugMode debug) {
        this.text = text;
        this.guardEvery = guardEvery;
        this.debug = debug;
    }

    HeapOptions.Builder options(String name) {
        HeapOptions.Builder options = HeapOptions.builder().name(name);
        return isDebug() ? options.debug(debug) : options.guardEvery(guardEvery);
    }

    /// Its name in the document.
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    boolean isDebug() {
        return debug != DebugMode.OFF;
    }

    /// Whether small blocks lie between guards.
    boolean hasGuards() {
        return this == GUARD || this == FULL;
    }

    /// How many bytes of a small block may be used.
    ///
    /// @param roundedBytes where it is as any other
    long usableBytes(long byteSize, long roundedBytes) {
        return this == OFF ? roundedBytes : byteSize;
    }
}
