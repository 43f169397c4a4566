package malloc4j.misuse;

import malloc4j.HeapOptions;

/// A way to run a heap that decides what of its misuse is detected.
enum Mode {
    /// As a heap is where nobody says.
    OFF("`HeapOptions.defaults()`", 0),
    /// Every block lies between guards that may.
    GUARD("`guardEvery(1)`", 1);

    final String text;
    private final long guardEvery;

    Mode(String text, long guardEvery) {
        this.text = text;
        this.guardEvery = guardEvery;
    }

    HeapOptions.Builder options(String name) {
        return HeapOptions.builder().name(name).guardEvery(guardEvery);
    }
}
