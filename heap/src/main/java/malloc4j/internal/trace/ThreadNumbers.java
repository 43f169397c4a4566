package malloc4j.internal.trace;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The numbers of a trace's threads: dense, from 0, and no more of them than threads that lived at once, or about that.
///
/// A replay makes a thread of each number. So a platform thread may get the number of one that has ended; and virtual
/// threads, of which a program may have a million, share as many numbers as there are processors. Events of one number
/// are in order, as those of one thread are.
///
/// Not safe for use by several threads at once.
final class ThreadNumbers {
    /// How many numbers there are, as many as readers of traces take. Threads above that share the last one.
    static final int MAX_COUNT = 1 << 16;

    private static final int SEARCHED = 8; // numbers that each new thread looks at, whether their thread has ended

    private final NumberTable numbers = new NumberTable(); // by a platform thread's id; by -1, -2, ... for the shared
    private final List<@Nullable Owner> owners = new ArrayList<>(); // by number
    private final int sharedByVirtual;
    private int nextSearched;
    private long lastKey;
    private int last = NumberTable.NONE;

    private static final class Owner extends WeakReference<Thread> {
        final long key;

        Owner(Thread thread, long key) {
            super(thread);
            this.key = key;
        }

        boolean hasEnded() {
            Thread thread = get();
            return thread == null || !thread.isAlive();
        }
    }

    /// @param sharedByVirtual how many numbers virtual threads share
    ThreadNumbers(int sharedByVirtual) {
        this.sharedByVirtual = sharedByVirtual;
    }

    /// The number of a thread, a new one if it has none.
    ///
    /// @throws OutOfMemoryError if the Java heap has no room to note a new one; then nothing has changed
    int of(Thread thread) {
        long key = thread.isVirtual() ? -1 - thread.threadId() % sharedByVirtual : thread.threadId();
        if (key == lastKey) {
            return last;
        }
        int known = numbers.get(key);
        last = known == NumberTable.NONE ? add(thread, key) : known;
        lastKey = key;
        return last;
    }

    private int add(Thread thread, long key) {
        Owner owner = key < 0 ? null : new Owner(thread, key);
        numbers.makeRoom();
        for (int count = Math.min(SEARCHED, owners.size()); count > 0; count--) {
            nextSearched = nextSearched < owners.size() ? nextSearched : 0;
            Owner other = owners.get(nextSearched);
            if (other != null && other.hasEnded()) {
                int unused = numbers.remove(other.key);
                owners.set(nextSearched, owner);
                return put(key, nextSearched);
            }
            nextSearched++;
        }
        if (owners.size() == MAX_COUNT) {
            return MAX_COUNT - 1;
        }
        owners.add(owner);
        return put(key, owners.size() - 1);
    }

    private int put(long key, int number) {
        int unused = numbers.put(key, number);
        return number;
    }
}
