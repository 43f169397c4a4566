package malloc4j.cli.replay;

import java.util.Arrays;

/// The live objects of each kind in the order they were made: any number of queues of objects, in flat arrays.
///
/// ```
/// first[kind] -> object -> next[object] -> ... -> last[kind]        NONE after the last, and where there is none
/// ```
///
/// An object is in one queue, once.
final class LiveQueues {
    static final int NONE = -1;

    private int[] first = new int[1 << 10];
    private int[] last = new int[1 << 10];
    private int kindCount;
    private int[] next = new int[1 << 16];

    /// One more kind, numbered from 0, of which no object lives.
    void addKind() {
        if (kindCount == first.length) {
            first = Arrays.copyOf(first, kindCount * 2);
            last = Arrays.copyOf(last, kindCount * 2);
        }
        first[kindCount] = NONE;
        last[kindCount] = NONE;
        kindCount++;
    }

    int kindCount() {
        return kindCount;
    }

    void add(int kind, int object) {
        if (object >= next.length) {
            next = Arrays.copyOf(next, Math.max(object + 1, next.length * 2));
        }
        next[object] = NONE;
        if (first[kind] == NONE) {
            first[kind] = object;
        } else {
            next[last[kind]] = object;
        }
        last[kind] = object;
    }

    /// Takes the oldest out.
    ///
    /// @return [#NONE] if no object of this kind lives
    int takeOldest(int kind) {
        int oldest = first[kind];
        if (oldest != NONE) {
            first[kind] = next[oldest];
        }
        return oldest;
    }
}
