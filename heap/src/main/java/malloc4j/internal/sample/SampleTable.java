package malloc4j.internal.sample;

import java.util.Arrays;
import java.util.function.Consumer;
import malloc4j.internal.region.AddressTable;
import org.jspecify.annotations.Nullable;

/// The samples whose blocks are live, by address. With room [reserved][#reserve], one is put in and taken out without
/// any of the Java heap.
///
/// ```
///   places    address -> place            samples   | sample | null | sample | ...
///                                         spares    places of null, `spareCount` of them
/// ```
///
/// Invariants, checked by [#verify]:
/// 1. `places` leads from the address of each sample in `samples` to it, and to nothing else.
/// 2. Every other place is once in the first `spareCount` of `spares`, or reserved.
///
/// Concurrency: under the lock of [Sampler].
final class SampleTable {
    private static final int FIRST_LENGTH = 64;

    private final AddressTable places = new AddressTable(); // from 1 on
    private @Nullable Sample[] samples = new @Nullable Sample[FIRST_LENGTH];
    private int[] spares = new int[FIRST_LENGTH];
    private int spareCount = FIRST_LENGTH;
    private int reserved;

    SampleTable() {
        Arrays.setAll(spares, place -> FIRST_LENGTH - 1 - place);
    }

    /// Makes room for one more. [#put] or [#release] follows. When there is none on the Java heap, nothing has changed.
    void reserve() {
        if (spareCount == reserved) {
            grow();
        }
        places.reserve(1);
        reserved++;
    }

    private void grow() {
        int length = samples.length;
        @Nullable Sample[] moreSamples = Arrays.copyOf(samples, 2 * length);
        int[] moreSpares = new int[2 * length];
        System.arraycopy(spares, 0, moreSpares, 0, spareCount);
        for (int place = 2 * length - 1; place >= length; place--) {
            moreSpares[spareCount++] = place;
        }
        samples = moreSamples;
        spares = moreSpares;
    }

    /// Gives up room that was reserved, or kept.
    void release() {
        places.release(1);
        reserved--;
    }

    /// Uses up room.
    void put(Sample sample) {
        int place = spares[--spareCount];
        reserved--;
        samples[place] = sample;
        places.put(sample.address, place + 1L);
    }

    int count() {
        return places.count();
    }

    @Nullable
    Sample get(long address) {
        long place = places.get(address);
        return place == 0 ? null : samples[(int) place - 1];
    }

    /// Takes a sample out, and keeps its room. Returns null when there is none at the address.
    @Nullable
    Sample remove(long address) {
        int place = (int) places.remove(address) - 1;
        if (place < 0) {
            return null;
        }
        Sample removed = samples[place];
        samples[place] = null;
        spares[spareCount++] = place;
        reserved++;
        return removed;
    }

    /// The sample whose block an address lies in, or its zones; or null. Looks at all.
    @Nullable
    Sample around(long address) {
        for (Sample sample : samples) {
            if (sample != null && sample.covers(address)) {
                return sample;
            }
        }
        return null;
    }

    /// How many places there are.
    int placeCount() {
        return samples.length;
    }

    /// The sample at a place, null where none is.
    @Nullable
    Sample at(int place) {
        return samples[place];
    }

    void forEach(Consumer<Sample> visitor) {
        for (Sample sample : samples) {
            if (sample != null) {
                visitor.accept(sample);
            }
        }
    }

    /// Checks the invariants of the class header; throws [AssertionError] on the first that does not hold.
    void verify() {
        places.verify();
        boolean[] seen = new boolean[samples.length];
        int used = 0;
        for (int place = 0; place < samples.length; place++) {
            Sample sample = samples[place];
            if (sample != null) {
                used++;
                seen[place] = true;
                check(places.get(sample.address) == place + 1L, "a sample is not found");
            }
        }
        check(used == places.count(), "an address leads nowhere");
        for (int index = 0; index < spareCount; index++) {
            check(!seen[spares[index]], "a spare place is in use");
            seen[spares[index]] = true;
        }
        check(used + spareCount == samples.length, "a place is lost");
        check(reserved >= 0 && reserved <= spareCount, "there is not the room that was reserved");
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("table of samples: " + message);
        }
    }
}
