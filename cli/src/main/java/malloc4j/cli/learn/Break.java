package malloc4j.cli.learn;

import malloc4j.linux.ProgramBreak;

/// The brk heap of this process at one moment.
///
/// @param start where it begins
/// @param end the break
record Break(long start, long end) {
    static Break now() {
        ProgramBreak.Layout layout = ProgramBreak.layout();
        return new Break(layout.start(), layout.current());
    }

    boolean contains(long address) {
        return start <= address && address < end;
    }

    long byteSize() {
        return end - start;
    }
}
