package malloc4j.internal.route;

import malloc4j.internal.os.Mutex;
import malloc4j.internal.region.AddressTable;
import org.jspecify.annotations.Nullable;

/// Which blocks, in no slab, belong to what stands on the heap, and are not the program's to free.
///
/// Room is reserved before a block is taken, and kept until it is freed: to note one, and to forget it, needs nothing
/// of the Java heap.
///
/// Concurrency: any thread at any time. Nobody asks while there is no such block, and most heaps have none.
final class Owners {
    private final Mutex lock = new Mutex();
    private final AddressTable kinds = new AddressTable(); // of each block the place of its kind in `all`, from 1 on
    private final Tenants.Kind[] all = Tenants.Kind.values();
    private volatile int count;

    /// Makes room for a block that is to be allocated. [#put] or [#release] follows.
    void reserve() {
        lock.lock();
        try {
            kinds.reserve(1);
        } finally {
            lock.unlock();
        }
    }

    /// Gives up the room of a block that was refused, or freed after [#remove].
    void release() {
        lock.lock();
        try {
            kinds.release(1);
        } finally {
            lock.unlock();
        }
    }

    void put(long address, Tenants.Kind kind) {
        lock.lock();
        try {
            kinds.put(address, number(kind));
            count = kinds.count();
        } finally {
            lock.unlock();
        }
    }

    /// Forgets a block, and keeps its room. Returns whose it was, null when nobody's.
    Tenants.@Nullable Kind remove(long address) {
        lock.lock();
        try {
            Tenants.Kind kind = kind(kinds.remove(address));
            count = kinds.count();
            return kind;
        } finally {
            lock.unlock();
        }
    }

    /// Whose a block is, null when nobody's.
    Tenants.@Nullable Kind get(long address) {
        if (count == 0) {
            return null;
        }
        lock.lock();
        try {
            return kind(kinds.get(address));
        } finally {
            lock.unlock();
        }
    }

    private long number(Tenants.Kind kind) {
        int index = 0;
        while (all[index] != kind) {
            index++;
        }
        return index + 1L;
    }

    private Tenants.@Nullable Kind kind(long number) {
        return number == 0 ? null : all[(int) number - 1];
    }

    /// Checks that the table is whole; throws [AssertionError] if it is not.
    void verify() {
        lock.lock();
        try {
            kinds.verify();
        } finally {
            lock.unlock();
        }
    }
}
