package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/// A count of its own, with a kernel and a clock that the test makes.
class MappingBudgetTest {
    private static final int LIMIT = 64;
    private static final long RECOUNT_NANOS = 100_000_000;

    private long now = 1L << 40;
    private long kernels = 10;
    private int counts;
    private final MappingBudget budget = new MappingBudget(
            LIMIT,
            () -> {
                counts++;
                return kernels;
            },
            () -> now);

    @Test
    void littleIsLeftWhereBothCountsSaySo() {
        assertThat(budget.isNearLimit()).isFalse();
        kernels = LIMIT;
        assertThat(budget.tryAcquire(LIMIT)).isTrue();
        assertThat(budget.isNearLimit()).as("nobody has counted the kernel's").isTrue();
        assertThat(budget.tryAcquire(LIMIT)).isFalse();
        assertThat(budget.isNearLimit()).isTrue();
        now += 1_000_000_000;
        kernels = 10;
        assertThat(budget.tryAcquire(LIMIT / 2))
                .as("the kernel has joined them")
                .isTrue();
        assertThat(budget.isNearLimit()).isFalse();
        budget.release(LIMIT / 2);
        budget.release(LIMIT);
    }

    @Test
    void fewAloneNeedNoCount() {
        assertThat(budget.tryAcquire(LIMIT)).isTrue();
        assertThat(counts).isZero();
        budget.release(LIMIT);
        assertThat(budget.used()).isZero();
    }

    @Test
    void moreThanTheLimitPassWhereTheKernelHasJoinedThem() {
        assertThat(budget.tryAcquire(LIMIT)).isTrue();
        assertThat(budget.tryAcquire(LIMIT - 10)).as("ten, and those to come").isTrue();
        assertThat(counts).isEqualTo(1);
        assertThat(budget.used()).isEqualTo(2 * LIMIT - 10);
        assertThat(budget.tryAcquire(1)).isFalse();
        assertThat(budget.used()).as("what was refused is not counted").isEqualTo(2 * LIMIT - 10);
    }

    @Test
    void theKernelIsAskedAgainWhenAWhileHasPassed() {
        kernels = 1000;
        assertThat(budget.tryAcquire(LIMIT + 1)).isFalse();
        kernels = 10;
        now += RECOUNT_NANOS - 1;
        assertThat(budget.tryAcquire(LIMIT + 1)).as("too early").isFalse();
        assertThat(counts).isEqualTo(1);
        kernels = LIMIT - 40;
        now += 1;
        assertThat(budget.tryAcquire(LIMIT + 1))
                .as("more to come than there is room")
                .isFalse();
        assertThat(counts).isEqualTo(2);
        assertThat(budget.tryAcquire(40)).isTrue();
    }

    @Test
    void hugeBlocksLeaveAnEighthToExtents() {
        kernels = 1000;
        assertThat(budget.tryAcquire(LIMIT - LIMIT / 8)).isTrue();
        assertThat(budget.tryAcquireHuge()).isFalse();
        assertThat(budget.tryAcquire()).isTrue();
    }

    @Test
    void extentsHaveRoomWhereOthersHaveUsedUpTheLimit() {
        kernels = 1000;
        assertThat(budget.tryAcquire(LIMIT)).isTrue();
        assertThat(budget.tryAcquire(1)).isFalse();
        for (int extent = 0; extent < LIMIT / 8 / MappingBudget.MAPPINGS_EACH; extent++) {
            assertThat(budget.tryAcquire()).as("extent %d", extent).isTrue();
        }
        assertThat(budget.tryAcquire()).isFalse();
        assertThat(budget.used()).isEqualTo(LIMIT + LIMIT / 8);
    }

    @Test
    void whatIsKeptMakesTheKernelsCountDecide() {
        assertThat(budget.tryAcquire(2)).isTrue();
        budget.releaseKept();
        assertThat(budget.used()).isZero();
        kernels = 1000;
        assertThat(budget.tryAcquire(2)).isFalse();
        now += RECOUNT_NANOS;
        kernels = 10;
        assertThat(budget.tryAcquire(2)).isTrue();
    }
}
