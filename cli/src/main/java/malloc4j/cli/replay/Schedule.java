package malloc4j.cli.replay;

import java.util.Arrays;
import java.util.BitSet;

/// Who replays which event when: a trace's events sorted by thread, and the points where one thread has to wait for
/// another.
///
/// An event waits when the event before it on the same object, in file order, happens on another thread. Each
/// object's events are thereby totally ordered, and nothing else is. A pair of such events has a *slot*: the first
/// announces it, the second waits for it. As an event has at most one successor on its object, a slot has one
/// announcer and one waiter.
///
/// ```
/// file order      a 0 7 64    r 1 7 128    f 1 7
/// thread 0        a 7 --slot 0--.
/// thread 1                      '--> r 7   f 7      the free needs no slot: its own thread did the realloc
/// ```
///
/// Invariants: every event is in `order` once; the k-th event with [Event#WAIT] of a thread waits for
/// `awaited[thread][k]`, the k-th with [Event#ANNOUNCE] announces `announced[thread][k]`; a slot's announcing event
/// is earlier in the file than the waiting one, so waiting never goes in a circle.
///
/// The constructor sets the two flags in the trace's events.
final class Schedule {
    /// Event indices, those of thread 0 first, each thread's in file order. Empty when there is one thread.
    final int[] order;
    /// Thread t owns `order[starts[t] .. starts[t + 1] - 1]`.
    final int[] starts;

    final int[][] awaited;
    final int[][] announced;
    /// For each slot, the thread that waits for it.
    final int[] slotWaiters;
    /// For each thread, the objects still live at the end that it was the last to use.
    final int[][] leftovers;
    /// Objects that more than one thread uses.
    final BitSet crossing;
    /// Where runs of events on one thread begin in file order, and whose they are.
    final int[] turnStarts;

    final int[] turnOwners;

    Schedule(Trace trace) {
        int threadCount = trace.threadCount;
        starts = starts(trace);
        order = threadCount == 1 ? new int[0] : order(trace, starts);
        crossing = new BitSet();
        var awaitedLists = new IntList[threadCount];
        var announcedLists = new IntList[threadCount];
        Arrays.setAll(awaitedLists, ignored -> new IntList());
        Arrays.setAll(announcedLists, ignored -> new IntList());
        IntList waiters = new IntList();
        int[] lastEvent = new int[trace.objectCount];
        Arrays.fill(lastEvent, -1);
        if (threadCount > 1) {
            // Slots are numbered in the order of their waiting events, but a thread announces in the order of the
            // announcing ones: slotOf carries the number over to the walk below.
            int[] slotOf = new int[trace.eventCount()];
            for (int i = 0; i < trace.eventCount(); i++) {
                int id = trace.ids[i];
                int previous = lastEvent[id];
                lastEvent[id] = i;
                if (previous >= 0 && trace.threads[previous] != trace.threads[i]) {
                    slotOf[previous] = waiters.size();
                    trace.events[previous] |= Event.ANNOUNCE;
                    trace.events[i] |= Event.WAIT;
                    awaitedLists[trace.threads[i]].add(waiters.size());
                    waiters.add(trace.threads[i]);
                    crossing.set(id);
                }
            }
            for (int i = 0; i < trace.eventCount(); i++) {
                if ((trace.events[i] & Event.ANNOUNCE) != 0) {
                    announcedLists[trace.threads[i]].add(slotOf[i]);
                }
            }
        } else {
            for (int i = 0; i < trace.eventCount(); i++) {
                lastEvent[trace.ids[i]] = i;
            }
        }
        awaited = arrays(awaitedLists);
        announced = arrays(announcedLists);
        slotWaiters = waiters.toArray();
        leftovers = leftovers(trace, lastEvent);

        IntList turns = new IntList();
        IntList owners = new IntList();
        for (int i = 0; i < trace.eventCount(); i++) {
            if (i == 0 || trace.threads[i] != trace.threads[i - 1]) {
                turns.add(i);
                owners.add(trace.threads[i]);
            }
        }
        turnStarts = turns.toArray();
        turnOwners = owners.toArray();
    }

    private static int[] starts(Trace trace) {
        int[] starts = new int[trace.threadCount + 1];
        for (char thread : trace.threads) {
            starts[thread + 1]++;
        }
        Arrays.parallelPrefix(starts, Integer::sum);
        return starts;
    }

    private static int[] order(Trace trace, int[] starts) {
        int[] next = starts.clone();
        int[] order = new int[trace.eventCount()];
        for (int i = 0; i < order.length; i++) {
            order[next[trace.threads[i]]++] = i;
        }
        return order;
    }

    private static int[][] leftovers(Trace trace, int[] lastEvent) {
        var lists = new IntList[trace.threadCount];
        Arrays.setAll(lists, ignored -> new IntList());
        for (int id = 0; id < lastEvent.length; id++) {
            if (Event.operation(trace.events[lastEvent[id]]) != Event.FREE) {
                lists[trace.threads[lastEvent[id]]].add(id);
            }
        }
        return arrays(lists);
    }

    private static int[][] arrays(IntList[] lists) {
        return Arrays.stream(lists).map(IntList::toArray).toArray(int[][]::new);
    }

    /// A growing array of ints.
    private static final class IntList {
        private int[] values = new int[8];
        private int size;

        void add(int value) {
            if (size == values.length) {
                values = Arrays.copyOf(values, size * 2);
            }
            values[size++] = value;
        }

        int size() {
            return size;
        }

        int[] toArray() {
            return Arrays.copyOf(values, size);
        }
    }
}
