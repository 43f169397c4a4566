package malloc4j.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Daemons;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.Ground;
import org.junit.jupiter.api.Test;

/// Numbers of their own, on a ground whose kernel refuses.
class CacheTagsTest {
    private static final int STEP = 32;

    private final RecordingCalls calls = new RecordingCalls(TestKernel.calls());
    private final CacheTags<ThreadCache> tags =
            new CacheTags<>(new Ground(calls, System::nanoTime, Daemons::unstarted));

    private void takeStep(int first) {
        for (int tag = first; tag < first + STEP - first % STEP; tag++) {
            assertThat(tags.next()).isEqualTo(tag);
            RawMemory.putLong(tags.magazines(tag), 42);
            RawMemory.putLong(tags.magazines(tag) + Magazine.CACHE_BYTES - Long.BYTES, 42);
        }
    }

    private long reservations() {
        return calls.calls("mmap").stream()
                .filter(call -> call.contains("PROT_NONE"))
                .count();
    }

    @Test
    void aRefusedCommitTakesNoNumber() {
        calls.failOnce("mprotect", 1, Errno.ENOMEM);
        assertThat(tags.next()).isEqualTo(CacheTags.NONE);
        takeStep(1);
        calls.failOnce("mprotect", 1, Errno.ENOMEM);
        assertThat(tags.next()).isEqualTo(CacheTags.NONE);
        assertThat(tags.next()).isEqualTo(STEP);
        takeStep(STEP + 1);
        assertThat(reservations()).as("reserved once").isEqualTo(1);
    }

    @Test
    void fewerNumbersAreReservedUntilTheKernelAgrees() {
        calls.failOnce("mmap", 1, Errno.ENOMEM);
        calls.failOnce("mmap", 2, Errno.ENOMEM);
        takeStep(1);
        assertThat(reservations()).isEqualTo(3);
    }

    @Test
    void noNumberWhereTheKernelRefusesEvenTheFewestAndOneWhenItAgrees() {
        calls.failFrom("mmap", 1, Errno.ENOMEM);
        assertThat(tags.next()).isEqualTo(CacheTags.NONE);
        calls.stopFailing();
        takeStep(1);
    }

    @Test
    void aNumberThatIsFreeIsGivenAgainAndItsMagazinesAreEmpty() {
        takeStep(1);
        tags.free(7);
        assertThat(RawMemory.getLong(tags.magazines(7))).isZero();
        assertThat(RawMemory.getLong(tags.magazines(6))).isEqualTo(42);
        assertThat(RawMemory.getLong(tags.magazines(8))).isEqualTo(42);
        assertThat(tags.next()).isEqualTo(7);
    }
}
