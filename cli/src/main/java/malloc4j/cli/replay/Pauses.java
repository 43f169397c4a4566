package malloc4j.cli.replay;

import java.util.function.IntConsumer;

/// Where a round in file order stands still, so that somebody can look. Used by one thread at a time: the one whose
/// turn it is.
final class Pauses {
    static final Pauses NONE = new Pauses(new int[0], ignored -> {});

    private final int[] events;
    private final IntConsumer look;
    private int taken;

    private Pauses(int[] events, IntConsumer look) {
        this.events = events;
        this.look = look;
    }

    /// @param events after how many, ascending
    /// @param look what happens there, told that number
    static Pauses after(int[] events, IntConsumer look) {
        return new Pauses(events.clone(), look);
    }

    /// After how many events the next one is; more than there can be when there is none.
    int next() {
        return taken < events.length ? events[taken] : Integer.MAX_VALUE;
    }

    void take() {
        look.accept(events[taken++]);
    }
}
